"""Claims where a lake is in an object store."""

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import ObjectStore

from sigmalake.config.stores.opening import open_store, store_error
from sigmalake.errors import InfrastructureError
from sigmalake.lake.claims.claim import FOLDER, KEPT, Claim, Pace, numbers_of, read_claim

REMOTE = Pace(lifetime=60.0, poll=1.0)


class StoreClaims:
    """Objects `_lease/<fence>.json` of an object store, each put only if it is not there."""

    def __init__(self, lake: str, store: ObjectStore, pace: Pace = REMOTE) -> None:
        self.lake, self.pace = lake, pace
        self._store = store

    @classmethod
    def at(cls, uri: str) -> "StoreClaims":
        """Those of a lake behind a URI; keys and endpoint come from the environment, as the store's own tools take them.

        Raises:
            ConfigError: the URI is none of the store's.
        """
        return cls(uri, open_store(uri))

    def newest(self) -> Claim | None:
        """As `Claims`."""
        try:
            for fence in self._numbers():
                try:
                    content = bytes(obstore.get(self._store, _path(fence)).bytes())
                except NotFoundError:
                    continue
                return read_claim(content, fence, self.place(fence))
        except BaseError as error:
            raise self._unreachable(error) from error
        return None

    def add(self, claim: Claim) -> bool:
        """As `Claims`."""
        try:
            obstore.put(self._store, _path(claim.fence), claim.as_json().encode(), mode="create")
            obstore.delete(self._store, [_path(fence) for fence in self._numbers()[KEPT:]])
        except AlreadyExistsError:
            return False
        except BaseError as error:
            raise self._unreachable(error) from error
        return True

    def renew(self, claim: Claim) -> None:
        """As `Claims`."""
        try:
            obstore.put(self._store, _path(claim.fence), claim.as_json().encode())
        except BaseError as error:
            raise self._unreachable(error) from error

    def place(self, fence: int) -> str:
        """As `Claims`."""
        return f"{self.lake}/{_path(fence)}"

    def _numbers(self) -> list[int]:
        return numbers_of(found["path"].rsplit("/", 1)[-1] for batch in obstore.list(self._store, FOLDER) for found in batch)

    def _unreachable(self, error: BaseError) -> InfrastructureError:
        return InfrastructureError(f"the lease of {self.lake} cannot be read or written: {store_error(self.lake, error)}")


def _path(fence: int) -> str:
    return f"{FOLDER}/{fence:09d}.json"
