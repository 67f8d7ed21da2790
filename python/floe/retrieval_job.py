"""RetrievalJob over Floe's retrievals."""

from typing import Callable, List, Optional

import pandas as pd
import pyarrow as pa

from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage, ValidationReference
from floe import dataset_output
from floe.errors import FloeError, FloeNotSupportedError
from floe.explanation import Explanation
from floe.types import to_pandas


class IcebergRetrievalJob(RetrievalJob):
    """Runs when it is asked for rows, and anew each time it is asked."""

    def __init__(
        self,
        config,
        retrieve,
        full_feature_names: bool = False,
        on_demand_feature_views: Optional[List[OnDemandFeatureView]] = None,
        metadata: Optional[Callable[[], RetrievalMetadata]] = None,
        explain=None,
        sql=None,
    ):
        """retrieve(timeout_ms=) gives (reader, receipt), explain() the plan as a dict, sql() the
        query as text, metadata() the metadata, each when first asked for."""
        self._config = config
        self._retrieve = retrieve
        self._explain = explain
        self._sql = sql
        self._full_feature_names = full_feature_names
        self._on_demand_feature_views = on_demand_feature_views or []
        self._make_metadata = metadata
        self._metadata = None
        self._receipt = None

    @property
    def full_feature_names(self) -> bool:
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> List[OnDemandFeatureView]:
        return self._on_demand_feature_views

    @property
    def metadata(self) -> Optional[RetrievalMetadata]:
        if self._metadata is None and self._make_metadata is not None:
            self._metadata = self._make_metadata()
        return self._metadata

    @property
    def receipt(self):
        """What the last run read (table uuids, snapshot ids, schema ids), to get the same
        rows again; None before the first run."""
        return self._receipt

    def explain(self) -> Explanation:
        """What a run would read: per view the snapshot, the times and keys looked for, and
        the files and row groups kept and left out, with their bytes. A dict; as text with
        str(), as JSON with .to_json()."""
        if self._explain is None:
            raise FloeNotSupportedError(
                "only a point-in-time retrieval can be explained", "NOT_SUPPORTED"
            )
        return Explanation(self._explain())

    def to_sql(self) -> str:
        """One statement that gives the same rows in DuckDB with its iceberg extension,
        for reading and for checking; Floe itself runs none. The entity rows are the table
        entity_df there, or the entity query where SQL text was given. On-demand views are
        not part of it."""
        if self._sql is None:
            raise FloeNotSupportedError(
                "this retrieval has no SQL; only point-in-time retrievals over an entity "
                "frame do",
                "NOT_SUPPORTED",
            )
        return self._sql()

    def to_arrow_batches(self, timeout: Optional[int] = None):
        """The rows as a stream of record batches in bounded memory. FloeTimeoutError
        where the last one is not read after `timeout` seconds: the work ends then. With on-demand views, whose functions see all rows at once, the whole answer is
        computed first."""
        if self.on_demand_feature_views:
            return self.to_arrow(timeout=timeout).to_reader()
        return self._run(timeout)

    def _run(self, timeout=None):
        timeout_ms = None if timeout is None else int(timeout * 1000)
        reader, self._receipt = self._retrieve(timeout_ms=timeout_ms)
        return reader

    def _to_arrow_internal(self, timeout: Optional[int] = None) -> pa.Table:
        return self._run(timeout).read_all()

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
        """Writes the rows, batch by batch, where the storage says: SavedDatasetFileStorage
        (Parquet: one file if its path ends in .parquet, else a folder), or floe's
        SavedDatasetIcebergStorage, SavedDatasetCsvStorage, SavedDatasetSqlStorage."""
        dataset_output.persist(
            self._config, storage, lambda: self.to_arrow_batches(timeout), allow_overwrite
        )

    def supports_remote_storage_export(self) -> bool:
        return self._staging_location() is not None

    def to_remote_storage(self) -> List[str]:
        """Writes the rows as Parquet files below the offline store's staging_location and
        gives their paths."""
        location = self._staging_location()
        if location is None:
            raise FloeError(
                "there is no place to export to; set staging_location of the offline store "
                "to a folder or a URI such as s3://bucket/staging",
                "INVALID_CONFIG",
            )
        return dataset_output.export(self._config, location, self.to_arrow_batches)

    def _staging_location(self):
        return getattr(self._config.offline_store, "staging_location", None)
