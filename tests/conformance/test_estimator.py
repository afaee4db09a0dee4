"""What `estimators.bases.Base` promises, over every one that there is, and of the stack of them all."""

import numpy as np
import pytest
from msgspec import structs

from rung.estimators import figures
from rung.estimators.artefact import FORMAT, About, load, save
from rung.estimators.bases import BASES
from rung.estimators.evaluate import predict
from rung.estimators.outcomes import Outcomes
from rung.estimators.reading import read
from rung.estimators.space import Points, Reader, Space
from rung.estimators.stack import Model, fit
from tests.unit.estimators.conftest import made, meaning

SEEN, UNSEEN = made(400), made(300, seed=1)


@pytest.fixture(scope="module")
def placed() -> tuple[Points, Points]:
    seen = read(SEEN.questions)
    reader = Reader(Space.fit(seen, np.random.default_rng(0)))
    return reader.place(seen), reader.place(read(UNSEEN.questions))


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", BASES)
class TestBase:
    def test_learns_who_is_good_at_what(self, name, placed):
        fitted = BASES[name][0](placed[0], SEEN.scores, chance())
        assert figures.gap_closed(fitted.predict(placed[1]), UNSEEN.scores) > 0.3

    def test_predicts_one_as_it_predicts_many(self, name, placed):
        fitted = BASES[name][0](placed[0], SEEN.scores, chance())
        many = fitted.predict(placed[1])
        assert many.shape == UNSEEN.scores.shape
        assert np.isfinite(many).all()
        for i in (0, 5, 299):
            one = fitted.predict(placed[1].take(np.array([i])))
            assert np.allclose(one[0], many[i], atol=1e-4)

    def test_is_the_same_from_the_same_chance(self, name, placed):
        one, two = (BASES[name][0](placed[0], SEEN.scores, chance()).predict(placed[1]) for _ in range(2))
        assert (one == two).all()

    def test_is_its_arrays(self, name, placed):
        fitted = BASES[name][0](placed[0], SEEN.scores, chance())
        again = BASES[name][1](**{key: np.asarray(array) for key, array in fitted._asdict().items()})
        assert (again.predict(placed[1]) == fitted.predict(placed[1])).all()

    def test_says_the_mean_where_there_is_nothing_to_learn(self, name, placed):
        scores = np.full_like(SEEN.scores, 0.25)
        assert np.allclose(BASES[name][0](placed[0], scores, chance()).predict(placed[1]), 0.25, atol=0.01)

    def test_takes_few_questions(self, name, placed):
        few = np.arange(4)
        fitted = BASES[name][0](placed[0].take(few), SEEN.scores[few], chance())
        assert np.isfinite(fitted.predict(placed[1])).all()


def about(model: Model, outcomes: Outcomes) -> About:
    return About(
        format=FORMAT,
        rung="0",
        made="2026-01-01",
        data=outcomes.digest(),
        outcomes=len(outcomes.questions),
        reasoners=outcomes.reasoners,
        bases=tuple(model.bases),
        metrics={},
    )


class TestStack:
    def test_is_as_good_as_its_parts_and_calibrated(self):
        right = predict(fit(SEEN, chance()), UNSEEN.questions)
        assert ((right > 0) & (right < 1)).all()
        assert figures.gap_closed(right, UNSEEN.scores) > 0.3
        assert figures.calibration_error(right, UNSEEN.scores) < 0.06

    def test_is_the_same_from_the_same_chance(self):
        one, two = (predict(fit(SEEN, chance(3)), UNSEEN.questions) for _ in range(2))
        assert (one == two).all()

    def test_outlives_its_file(self, tmp_path):
        model = fit(SEEN, chance())
        save(tmp_path / "a.rung", model, about(model, SEEN))
        again, said = load(tmp_path / "a.rung")
        assert said == about(model, SEEN)
        assert (predict(again, UNSEEN.questions) == predict(model, UNSEEN.questions)).all()

    def test_learns_from_meaning_what_words_do_not_tell(self):
        seen, unseen = made(400, told=False), made(300, seed=1, told=False)
        blind = predict(fit(seen, chance()), unseen.questions)
        unseen = meaning(unseen, seed=1)
        sees = predict(fit(meaning(seen), chance()), unseen.questions, unseen.embedded)
        assert figures.gap_closed(blind, unseen.scores) < 0.1
        assert figures.gap_closed(sees, unseen.scores) > 0.3

    def test_with_meaning_outlives_its_file(self, tmp_path):
        seen, unseen = meaning(SEEN), meaning(UNSEEN, seed=1)
        model = fit(seen, chance())
        said = structs.replace(about(model, seen), embedding="some")
        save(tmp_path / "a.rung", model, said)
        again, found = load(tmp_path / "a.rung")
        assert found == said
        one, two = (predict(m, unseen.questions, unseen.embedded) for m in (again, model))
        assert (one == two).all()

    @pytest.mark.parametrize("told", [True, False])
    def test_is_surer_of_what_it_has_seen_more_of(self, told):
        seen = made(400, told=told)
        few, many = fit(seen.take(np.arange(40)), chance()), fit(seen, chance())

        def deviation(model: Model) -> float:
            points = Reader(model.space).place(read(UNSEEN.questions))
            right = model.predict(points)
            found = model.deviation(points, right)
            assert ((found >= 0) & (found <= 0.5)).all()
            return float(found.mean())

        assert deviation(many) < deviation(few)
