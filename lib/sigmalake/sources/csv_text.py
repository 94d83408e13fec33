"""The text of a CSV file as UTF-8, whatever its encoding, and its header."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath

import pyarrow as pa

from sigmalake.config.stores.uri import is_uri
from sigmalake.errors import ConfigError, DataError, SigmalakeError, telling_line
from sigmalake.sources.opening import open_file

BLOCK = 1 << 16  # bytes in which a header stands, and that show the encoding
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Utf8Text(io.RawIOBase):
    """A file's text as a stream of UTF-8, decompressed by its suffix, without a byte order mark.

    Reading raises DataError where the file is not in its encoding. Whoever hands the stream to other code, which may hide the
    error in one of its own, finds it in `failure`.
    """

    def __init__(self, name: str, path: str, encoding: str | None, ending: bytes = b"") -> None:
        super().__init__()
        self._named = f"sources.{name}: {path}"
        self._encoding = _encoding_name(self._named, encoding)
        self._decoder = codecs.getincrementaldecoder(self._encoding)("strict")
        self._source = _decompressed(path)
        self._ending: bytes | None = ending
        self._position = 0
        self.failure: SigmalakeError | None = None

    def readable(self) -> bool:
        """It is read, never written."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at least as many as asked for; fewer at the end."""
        parts: list[bytes] = []
        n_bytes = 0
        while self._ending is not None and (size < 0 or n_bytes < size):
            block = self._block(size)
            parts.append(self._as_utf8(block))
            n_bytes += len(parts[-1])
            self._position += len(block)
            if not block:
                parts.append(self._ending)
                self._ending = None
        return b"".join(parts)

    def close(self) -> None:
        """Close the file, too."""
        if not self.closed:
            self._source.close()
        super().close()

    def _block(self, size: int) -> bytes:
        try:
            block: bytes = self._source.read(None if size < 0 else size)
        except (OSError, pa.ArrowException) as error:
            raise self._failed(DataError(f"{self._named} is damaged ({telling_line(error)}); write it again")) from error
        return block

    def _as_utf8(self, block: bytes) -> bytes:
        if self._position == 0:
            self._refuse_unannounced(block)
        before = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise self._failed(self._wrong_encoding(self._position - before + error.start)) from None
        if self._encoding == "utf-8":  # what has been decoded is valid, and is handed on as it is
            return block.removeprefix(codecs.BOM_UTF8) if self._position == 0 else block
        return text.removeprefix("\ufeff").encode() if self._position == 0 else text.encode()

    def _refuse_unannounced(self, block: bytes) -> None:
        """UTF-16 and UTF-32 show by their mark, or by their zero bytes."""
        if self._encoding.startswith(("utf-16", "utf-32")):
            return
        result = next((encoding for mark, encoding in MARKS if block.startswith(mark)), None) or _by_zeros(block[:BLOCK])
        if result is not None:
            message = f"is {result.upper()[:6]}; save it as UTF-8, or say `encoding: {result}`"
            raise self._failed(DataError(f"{self._named} {message}"))
        if (zero := block[:BLOCK].find(0)) >= 0:
            raise self._failed(DataError(f"{self._named} is not text (byte {zero:,} is 0); take it out of the folder"))

    def _wrong_encoding(self, position: int) -> DataError:
        message = "save it as UTF-8, or say `encoding: latin-1`, or whatever it is" if self._encoding == "utf-8" else "say its own"
        return DataError(f"{self._named} is not {self._encoding.upper()} (first bad byte at {position:,}); {message}")

    def _failed(self, failure: SigmalakeError) -> SigmalakeError:
        self.failure = failure
        return failure


def _encoding_name(named: str, encoding: str | None) -> str:
    try:
        "".encode(encoding or "utf-8")  # an encoding that is not of text is refused here
        return codecs.lookup(encoding or "utf-8").name
    except LookupError:
        raise ConfigError(f"{named}: there is no encoding {encoding!r}; e.g. utf-8, utf-16, latin-1, cp1252") from None


def _decompressed(path: str) -> pa.NativeFile:
    content = open_file(path)
    codec = COMPRESSED.get(PurePosixPath(path.partition("?")[0] if is_uri(path) else path).suffix.lower())
    return content if codec is None else pa.CompressedInputStream(content, codec)


def _by_zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: of text that is mostly Latin, every other byte is 0."""
    if 2 * head[1::2].count(0) > len(head[1::2]) > 0:
        return "utf-16-le"
    return "utf-16-be" if 2 * head[::2].count(0) > len(head[::2]) > 0 else None


def csv_header(name: str, path: str, encoding: str | None) -> list[str]:
    """The names in a CSV file's first record that is not empty.

    Raises:
        ConfigError: there is no such encoding.
        DataError: the file is not in its encoding, or holds no record.
    """
    with Utf8Text(name, path, encoding) as text:
        try:
            result = next((record for record in csv.reader(_lines(text)) if record), None)
        except csv.Error as error:  # a name of more than 128 kB: of another format, or a quote that is never closed
            raise DataError(
                f"sources.{name}: {path} has no header that can be read ({error}); its first line names its columns"
            ) from error
    if result is not None:
        return result
    raise DataError(f"sources.{name}: {path} has no header; the first line of a CSV file names its columns, between commas")


def _lines(text: Utf8Text) -> Iterator[str]:
    """The lines of a text with their ends, which a value in quotes may hold; a carriage return ends one, too."""
    rest = b""
    while block := text.read(BLOCK):
        lines = (rest + block).splitlines(keepends=True)  # of bytes: at \n, \r and \r\n alone
        rest = lines.pop()
        yield from (line.decode() for line in lines)
    yield rest.decode()
