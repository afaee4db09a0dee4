import re
import subprocess
import sys
from pathlib import Path

import yaml

from rung.config import parse_config

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "config.md"


def test_the_page_is_what_the_schema_says() -> None:
    script = ROOT / "scripts" / "config_reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_its_example_is_a_right_config() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    config = parse_config(yaml.safe_load(example), source="the page", env={"OPENAI_API_KEY": "x"})
    assert list(config.reasoners) == ["calc", "brief", "fast", "vote", "cloud"]
