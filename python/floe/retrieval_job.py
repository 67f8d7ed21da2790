"""RetrievalJob over Floe's retrievals."""

import os
from typing import List, Optional

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.file_source import FileSource, SavedDatasetFileStorage
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage, ValidationReference
from floe.errors import FloeNotSupportedError
from floe.types import to_pandas


class IcebergRetrievalJob(RetrievalJob):
    """Runs when it is asked for rows, and anew each time it is asked."""

    def __init__(
        self,
        retrieve,
        full_feature_names: bool = False,
        on_demand_feature_views: Optional[List[OnDemandFeatureView]] = None,
        metadata: Optional[RetrievalMetadata] = None,
        explain=None,
        repo_path=None,
    ):
        """retrieve() gives (reader, receipt), explain() the plan as a dict."""
        self._retrieve = retrieve
        self._explain = explain
        self._full_feature_names = full_feature_names
        self._on_demand_feature_views = on_demand_feature_views or []
        self._metadata = metadata
        self._repo_path = repo_path
        self._receipt = None

    @property
    def full_feature_names(self) -> bool:
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> List[OnDemandFeatureView]:
        return self._on_demand_feature_views

    @property
    def metadata(self) -> Optional[RetrievalMetadata]:
        return self._metadata

    @property
    def receipt(self):
        """What the last run read (table uuids, snapshot ids, schema ids), to get the same
        rows again; None before the first run."""
        return self._receipt

    def explain(self) -> dict:
        """What a run would read: per view the snapshot, the time range, the key bounds and
        the files kept and left out."""
        if self._explain is None:
            raise FloeNotSupportedError(
                "only a point-in-time retrieval can be explained", "NOT_SUPPORTED"
            )
        return self._explain()

    def to_arrow_batches(self):
        """The rows as a stream of record batches. With on-demand views the whole answer
        is computed first."""
        if self.on_demand_feature_views:
            return self.to_arrow().to_reader()
        return self._run()

    def _run(self):
        reader, self._receipt = self._retrieve()
        return reader

    def _to_arrow_internal(self, timeout: Optional[int] = None) -> pa.Table:
        return self._run().read_all()

    def to_df(
        self,
        validation_reference: Optional[ValidationReference] = None,
        timeout: Optional[int] = None,
    ) -> pd.DataFrame:
        """As Feast's own, with the types pyarrow alone cannot convert."""
        rows = self.to_arrow(validation_reference=validation_reference, timeout=timeout)
        return to_pandas(rows).reset_index(drop=True)

    def _to_df_internal(self, timeout: Optional[int] = None) -> pd.DataFrame:
        return to_pandas(self._to_arrow_internal(timeout))

    def persist(
        self,
        storage: SavedDatasetStorage,
        allow_overwrite: bool = False,
        timeout: Optional[int] = None,
    ):
        """Writes the rows as Parquet where a SavedDatasetFileStorage says: one file if its
        path ends in .parquet, else a folder of files."""
        if not isinstance(storage, SavedDatasetFileStorage):
            raise FloeNotSupportedError(
                f"cannot persist to {type(storage).__name__}; use SavedDatasetFileStorage",
                "NOT_SUPPORTED",
            )
        uri = FileSource.get_uri_for_file_path(self._repo_path, storage.file_options.uri)
        filesystem, path = FileSource.create_filesystem_and_path(
            str(uri), storage.file_options.s3_endpoint_override
        )
        if not allow_overwrite and _exists(filesystem, path):
            raise SavedDatasetLocationAlreadyExists(location=storage.file_options.uri)
        rows = self.to_arrow(timeout=timeout)
        if path.endswith(".parquet"):
            if filesystem is None:
                os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            pq.write_table(rows, where=path, filesystem=filesystem)
        else:
            pq.write_to_dataset(
                rows,
                root_path=path,
                filesystem=filesystem,
                existing_data_behavior="delete_matching",
            )


def _exists(filesystem, path):
    if filesystem is None:
        return os.path.exists(path)
    return filesystem.get_file_info(path).type != pa.fs.FileType.NotFound
