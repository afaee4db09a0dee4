"""Has the rung below read values off a text by a JSON schema, and gives only those that stand in the text."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from rung.answers.grounding import LONG_CHARS, Grounded, Source, grounded, widened, without_nulls
from rung.answers.schemas import fits, is_schema, parsed
from rung.errors import Abstained
from rung.reasoners.base import Abilities, spell
from rung.reasoners.completions import texts
from rung.reasoners.composite import Composite
from rung.reasoners.wording import with_line
from rung.types import Answer, Call, Choice, Chunk, Json

LINE = "Give each value exactly as the text has it, and null for what the text does not say."


class Extract(Composite):
    """An option only where a JSON schema is asked for. The rung below may say null wherever a single value is asked
    for; a value of its that is in none of the user's messages is taken out: null where the schema lets it be null, left
    out where it need not be there. Abstains where neither is allowed, and where nothing that it said was found."""

    @property
    def abilities(self) -> Abilities:
        of = self._of.abilities
        return Abilities(
            json_schema=of.json_schema,
            images=False,
            context_tokens=of.context_tokens,
            general=False,
            schema_only=True,
        )

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        """Raises Abstained."""
        schema = self._schema(call.body)
        wide = widened(schema)
        said = await self._ask(msgspec.structs.replace(call, body=_asking(call.body, wide)))
        checked = await self._checked(said, wide, call.body)
        value = without_nulls(checked.value, schema, schema)
        if not fits(value, schema):
            raise Abstained(f"{self.name}: a value is not in the text, and the schema does not let it be null")
        for chunk in spell(self._told(said, checked, value)):
            yield chunk

    def _schema(self, body: Json) -> dict[str, Any]:
        form = body.get("response_format") or {}
        schema = (form.get("json_schema") or {}).get("schema") if form.get("type") == "json_schema" else None
        if not isinstance(schema, dict):
            raise Abstained(f"{self.name}: no JSON schema is asked for")
        if not (is_schema(schema) and is_schema(widened(schema))):
            raise Abstained(f"{self.name}: a schema that cannot be checked by")
        return schema

    async def _checked(self, said: Answer, wide: dict[str, Any], body: Json) -> Grounded:
        if said.choices[0].finish == "length":
            raise Abstained(f"{self.name}: what the rung below wrote was cut off")
        is_json, value = parsed(said.text)
        if not is_json or not fits(value, wide):
            raise Abstained(f"{self.name}: what the rung below wrote does not fit the schema")
        given = "\n".join(_given(body))
        if len(given) > LONG_CHARS:
            checked = await asyncio.to_thread(lambda: grounded(value, wide, Source(given)))
        else:
            checked = grounded(value, wide, Source(given))
        if checked.missing and not (checked.found or checked.judged):
            raise Abstained(f"{self.name}: nothing that the rung below wrote is in the text")
        return checked

    def _told(self, said: Answer, checked: Grounded, value: Any) -> Answer:
        looked_for = len(checked.found) + len(checked.missing)
        signals = {"values": float(looked_for), "judged": float(len(checked.judged))}
        if looked_for:
            signals["found"] = len(checked.found) / looked_for
        return Answer(
            reasoner=self.name,
            choices=(Choice(text=json.dumps(value, ensure_ascii=False), finish="stop"),),
            usage=said.usage,
            signals={**said.signals, **signals},
        )


def _asking(body: Json, wide: dict[str, Any]) -> dict[str, Any]:
    """One answer in the widened schema; what else the user asked of the model's way stays."""
    named = {**body["response_format"]["json_schema"], "schema": wide}
    asked = {**with_line(body, LINE), "response_format": {"type": "json_schema", "json_schema": named}}
    return {key: value for key, value in asked.items() if key not in {"stop", "tools", "tool_choice"}}


def _given(body: Json) -> Iterator[str]:
    """What values may be read off: the user's own texts and the results of tools."""
    said = [message for message in body["messages"] if message.get("role") in {"user", "tool"}]
    return texts({"messages": said})
