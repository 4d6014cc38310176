"""The kind of a file, from its first bytes."""

from typing import Final

_SIGNATURES: Final = (
    (b"PK\x03\x04", "a zip archive (perhaps .npz, .skops, .keras or .xlsx)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x93NUMPY", "a NumPy .npy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a Windows program"),
    (b"\x89PNG", "a PNG picture"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "zstandard data, which joblib does not write"),
    (b"ZF", "a joblib file of the time before 0.10; dump it again with a current joblib"),
)


def looks_like(buffer: bytes) -> str | None:
    """A guess at the kind of bytes that are no pickle ("an HTML page"), or None if nothing is recognised."""
    for prefix, what in _SIGNATURES:
        if buffer.startswith(prefix):
            return what
    start = buffer[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    lowered = start.lower()
    if lowered.startswith((b"<!doctype html", b"<html", b"<head")):
        return "an HTML page (an error page or a login saved in place of the file?)"
    if lowered.startswith(b"<?xml"):
        return "XML (an error of an object store saved in place of the file?)"
    if not buffer.strip(b"\x00"):
        return "nothing but zero bytes"
    if start.startswith(b"{"):
        return "JSON"
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: fetch the file itself with `git lfs pull`"
    if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in start):
        first = start.split(b"\n", 1)[0]
        return "text, perhaps CSV" if first.count(b",") + first.count(b";") + first.count(b"\t") else "text"
    return None
