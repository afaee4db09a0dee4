"""How fast a reasoner reads and writes, learned from its own calls."""

from msgspec import Struct

# Weight of a new observation: the last ten calls or so decide.
_NEW = 0.2
# Of fewer tokens than these less is learned, and of none more than so many times what was known: a short prompt that
# waited behind a long one took many times as long for each token as it will alone.
_MANY = 100.0
_FAR = 4.0
# Until so many calls have told, what is known is a guess that may be far off.
_GUESSED = 5


class Pace(Struct, frozen=True, kw_only=True):
    """Seconds before anything, for a token read, and for a token written."""

    first_s: float
    prompt_s_per_token: float
    completion_s_per_token: float
    calls: int = 0

    def seconds(self, prompt_tokens: float, completion_tokens: float) -> float:
        return (
            self.first_s
            + self.prompt_s_per_token * prompt_tokens
            + self.completion_s_per_token * max(completion_tokens, 1.0)
        )

    def after(self, *, prompt_tokens: int, completion_tokens: int, first_s: float | None, total_s: float) -> "Pace":
        """The pace moved towards one finished call. `first_s` is the time to the first chunk where the answer came in
        pieces; without it the whole pace is scaled by how far the total was off.
        """
        if first_s is None or completion_tokens < 8:
            expected = self.seconds(prompt_tokens, completion_tokens)
            ratio = min(max(total_s / max(expected, 1e-6), 1 / _FAR), _FAR)
            scale = ratio**_NEW
            return Pace(
                first_s=self.first_s * scale,
                prompt_s_per_token=self.prompt_s_per_token * scale,
                completion_s_per_token=self.completion_s_per_token * scale,
                calls=self.calls + 1,
            )
        reading = max(first_s - self.first_s, 0.0) / max(prompt_tokens, 1)
        first = self.first_s
        if self.prompt_s_per_token == 0.0:  # a server whose reading time is not told apart from its distance
            reading, first = 0.0, _towards(self.first_s, first_s)
        return Pace(
            first_s=first,
            prompt_s_per_token=self._learned(self.prompt_s_per_token, reading, prompt_tokens),
            completion_s_per_token=self._learned(
                self.completion_s_per_token, (total_s - first_s) / (completion_tokens - 1), completion_tokens
            ),
            calls=self.calls + 1,
        )

    def _learned(self, old: float, new: float, tokens: int) -> float:
        """The seconds of a token, after `tokens` of them took `new` each. What is known at first is a guess."""
        bounded = min(max(new, old / _FAR), old * _FAR) if old and self.calls >= _GUESSED else new
        weight = max(_NEW, 1 / (self.calls + 1))
        return old + weight * tokens / (tokens + _MANY) * (bounded - old)


def _towards(old: float, new: float) -> float:
    return old + _NEW * (new - old)
