"""The real encoder: what it promises of its vectors, and what is said where it is not there."""

import numpy as np
import pytest

from rung.embedding import opened
from rung.embedding.sentences import Sentences
from rung.errors import WeightsError
from rung.reasoners.local.progress import unwatched

NAME = "all-minilm-l6-v2"
WATCH = unwatched()


@pytest.fixture(scope="session")
def sentences(encoder_folder) -> Sentences:
    return opened(NAME, encoder_folder, WATCH)


@pytest.mark.model
class TestSentences:
    def test_what_means_the_same_lies_close(self, sentences):
        texts = ["How do I get my money back?", "I would like a refund.", "What is the capital of Peru?"]
        refund, same, other = sentences(texts)
        assert refund @ same > refund @ other + 0.3

    def test_vectors_have_unit_length(self, sentences):
        vectors = sentences(["a", "", "漢字", "\ud800", "\x00", "x" * 50_000, "word " * 5_000, "\n" * 100])
        assert vectors.shape == (8, sentences.dimensions)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    async def test_one_is_as_among_many(self, sentences):
        texts = ["short", "a text of some more words than the other", "long " * 200]
        many = sentences(texts)
        for text, vector in zip(texts, many, strict=True):
            assert (await sentences.one(text))[0] @ vector == pytest.approx(1, abs=1e-4)

    def test_of_a_long_text_both_ends_count(self, sentences):
        about = ["tell me of the sea. " * 200, "tell me of the sea. " * 200 + "What is a refund?"]
        without, ended = sentences(about)
        begun = sentences(["What is a refund? " + about[0]])[0]
        assert without @ ended < 0.999
        assert without @ begun < 0.999

    def test_progress_is_told(self, sentences):
        done: list[int] = []
        sentences(["text"] * 70, done.append)
        assert sum(done) == 70
        assert len(done) > 1

    def test_is_opened_once(self, sentences, encoder_folder):
        assert opened(NAME, encoder_folder, WATCH) is sentences


def test_what_is_not_there(tmp_path):
    with pytest.raises(WeightsError, match=f"rung models get {NAME}"):
        opened(NAME, tmp_path, WATCH)
    with pytest.raises(WeightsError, match="knows no embedding `other`"):
        opened("other", tmp_path, WATCH)
