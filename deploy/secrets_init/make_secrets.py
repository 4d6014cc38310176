"""Every secret of the compose stack, made at the first start and kept after that.

Carries "Every secret is generated at the first `up`" of the design. One folder (a volume) per reader holds the secrets
that this reader needs, one file each; what several readers share is the same in every folder. A secret that exists is
never changed, one that is missing somewhere is copied there. Standard library only: nothing is installed to run this.
"""

import secrets
import string
import sys
from pathlib import Path
from typing import Final

_ALPHABET: Final = string.ascii_letters + string.digits

# name -> number of characters. Access keys: S3 stores take 3 to 20 characters.
LENGTHS: Final = {
    "root_access_key": 20,
    "root_secret_key": 40,
    "model_server_access_key": 20,
    "model_server_secret_key": 40,
    "publisher_access_key": 20,
    "publisher_secret_key": 40,
    "publish_token": 43,
    "report_token": 43,
}

READERS: Final = {
    "store": ["root_access_key", "root_secret_key"],
    "store_init": [
        "root_access_key",
        "root_secret_key",
        "model_server_access_key",
        "model_server_secret_key",
        "publisher_access_key",
        "publisher_secret_key",
    ],
    "model_server": [
        "model_server_access_key",
        "model_server_secret_key",
        "publisher_access_key",
        "publisher_secret_key",
        "publish_token",
        "report_token",
    ],
    "predict_api": ["report_token"],
}


def make(root: Path) -> list[str]:
    """Complete the folders `root/<reader>`; the names of the secrets made now. Raises SystemExit if two copies differ."""
    made = []
    for name, length in LENGTHS.items():
        files = [root / reader / name for reader, names in READERS.items() if name in names]
        values = {file.read_text(encoding="ascii") for file in files if file.exists()}
        if len(values) > 1:
            places = ", ".join(str(file) for file in files)
            raise SystemExit(f"{name} is not the same in {places}: restore these volumes from one backup")
        if not values:
            values = {"".join(secrets.choice(_ALPHABET) for _ in range(length))}
            made.append(name)
        for file in files:
            _write(file, next(iter(values)))
    return made


def _write(file: Path, value: str) -> None:
    """Create the file whole, readable by its owner and its group; leave one that exists alone."""
    if file.exists():
        return
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(value, encoding="ascii")
    part.chmod(0o440)
    part.replace(file)


if __name__ == "__main__":
    names = make(Path(sys.argv[1]))
    print(f"secrets.made names={','.join(names)}" if names else "secrets.kept")
