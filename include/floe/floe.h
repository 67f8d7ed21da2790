/// The C interface of Floe: Apache Iceberg tables and the Feast features in them.
///
/// Rows cross as Arrow (the C data and C stream interfaces), requests and small answers
/// as JSON text in UTF-8, failures as values. No C++ exception and no signal leaves it.
///
/// Errors. A function that can fail returns NULL on success, else an error that the
/// caller owns and frees with floe_error_free. On failure nothing is written to the out
/// parameters, unless the function says otherwise.
///
/// Ownership. `const` inputs are borrowed for the call. An ArrowArrayStream, ArrowArray
/// or ArrowSchema that is an input is consumed: it is released or moved from whether the
/// call succeeds or fails, and the caller must not release it again. Out structures are
/// filled by the call and released by the caller. Text returned through `char**` is freed
/// with floe_string_free, bytes with floe_bytes_free, handles with their own function.
///
/// Threads. Every function may be called from any thread, and a handle may be used by
/// many threads at once, until it is freed. Calls that read or write tables block; they
/// use FLOE_THREADS threads (by default, as many as the machine has).
///
/// JSON. A key that a function does not name is an INVALID_ARGUMENT error that names the
/// key and the nearest known one. `?` marks a key that may be left out or be null.
/// Times are integers in microseconds since 1970-01-01T00:00:00Z where the name ends in
/// `_us`, in milliseconds where it ends in `_ms`.
#ifndef FLOE_FLOE_H_
#define FLOE_FLOE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(FLOE_BUILDING_LIBRARY)
#define FLOE_EXPORT __attribute__((visibility("default")))
#else
#define FLOE_EXPORT
#endif

// The Arrow C data and stream interfaces, word for word as Arrow's specification gives
// them for inclusion (https://arrow.apache.org/docs/format/CDataInterface.html).
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif  // ARROW_C_DATA_INTERFACE

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

#endif  // ARROW_C_STREAM_INTERFACE

/// What went wrong: a code, a text for people, and whether to try again.
typedef struct floe_error floe_error;

/// An open catalog: where tables are looked up and committed.
typedef struct floe_catalog floe_catalog;

/// Feast's online tables in one namespace of a catalog.
typedef struct floe_online floe_online;

/// A request for online features, all but the entities.
typedef struct floe_online_request floe_online_request;

/// How far a call has come, in rows, and the wish to end it early. Thread-safe: made for
/// one call, watched and cancelled from other threads while it runs.
typedef struct floe_progress floe_progress;

/// Bytes that Floe allocated. `owner` is Floe's.
typedef struct floe_bytes {
  const uint8_t* data;
  size_t size;
  void* owner;
} floe_bytes;

/// The code's stable name, e.g. "NO_SUCH_TABLE"; lives as long as the library. The names:
/// INVALID_ARGUMENT, INVALID_CONFIG, NO_SUCH_NAMESPACE, NO_SUCH_TABLE, NO_SUCH_SNAPSHOT,
/// NO_SUCH_COLUMN, NO_SUCH_FILE, ALREADY_EXISTS, COMMIT_CONFLICT, COMMIT_STATE_UNKNOWN,
/// CORRUPT_DATA, NOT_SUPPORTED, NOT_AUTHORIZED, THROTTLED, SERVICE_UNAVAILABLE,
/// DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED, IO, INTERNAL.
FLOE_EXPORT const char* floe_error_code_name(const floe_error* error);

/// One line of UTF-8 that names the thing, the place and the remedy; lives as long as
/// the error.
FLOE_EXPORT const char* floe_error_message(const floe_error* error);

/// 1 when the same call may succeed if made again, else 0.
FLOE_EXPORT int floe_error_retryable(const floe_error* error);

/// Frees an error; NULL is allowed.
FLOE_EXPORT void floe_error_free(floe_error* error);

/// Frees text returned by Floe; NULL is allowed.
FLOE_EXPORT void floe_string_free(char* text);

/// Frees bytes returned by Floe and clears the structure; NULL is allowed.
FLOE_EXPORT void floe_bytes_free(floe_bytes* bytes);

/// Floe's version, e.g. "0.1.0"; lives as long as the library.
FLOE_EXPORT const char* floe_version(void);

/// Closes the connections and caches the library keeps for the process. Call it once
/// before the process exits; afterwards no catalog can be opened.
FLOE_EXPORT void floe_shutdown(void);

/// Opens a catalog.
///
/// config_json: {"catalog_type": "sql", "catalog_name": "floe", "uri"?,
/// "warehouse"?, "storage_options"?: {text: text}}. For "sql", `uri` is
/// "sqlite:///relative.db" or "sqlite:////absolute.db" and `warehouse` a folder or a
/// file:// URI; both are made when they are missing. Errors: INVALID_CONFIG naming the
/// key, NOT_SUPPORTED for a catalog type this build lacks, IO where the database or the
/// warehouse cannot be used.
FLOE_EXPORT floe_error* floe_catalog_open(const char* config_json, floe_catalog** out);

/// Frees a catalog; streams and online handles made from it stay valid. NULL is allowed.
FLOE_EXPORT void floe_catalog_close(floe_catalog* catalog);

/// The namespaces: a JSON array of texts, e.g. ["feast", "a.b"], sorted.
FLOE_EXPORT floe_error* floe_list_namespaces(floe_catalog* catalog, char** out_json);

/// The tables of a namespace: a JSON array of "namespace.table" texts, sorted.
/// Errors: NO_SUCH_NAMESPACE.
FLOE_EXPORT floe_error* floe_list_tables(floe_catalog* catalog, const char* name_space,
                                         char** out_json);

/// Makes a namespace; one that is there already is ALREADY_EXISTS.
FLOE_EXPORT floe_error* floe_create_namespace(floe_catalog* catalog,
                                              const char* name_space);

/// Sets *out to 1 where the table "namespace.table" exists, else to 0. A catalog that
/// cannot be asked is an error, never 0.
FLOE_EXPORT floe_error* floe_table_exists(floe_catalog* catalog, const char* table,
                                          int* out);

/// Describes a table: {"name", "uuid", "format_version", "location",
/// "metadata_location", "current_snapshot_id": integer or null, "schema": Iceberg's
/// schema JSON, "partition_spec": Iceberg's spec JSON, "sort_order", "properties",
/// "refs": {name: {"snapshot_id", "type"}}, "snapshots": [{"snapshot_id",
/// "parent_snapshot_id", "sequence_number", "timestamp_ms", "operation", "summary"}]}.
/// `table` is "namespace.table" or the path of a metadata.json, as in floe_scan.
FLOE_EXPORT floe_error* floe_describe_table(floe_catalog* catalog, const char* table,
                                            char** out_json);

/// The schema rows of a table come with. options_json may be NULL, or pin the table as
/// in floe_scan: {"snapshot_id"?, "ref"?, "as_of_ms"?}. Each field's metadata holds its
/// Iceberg id as "PARQUET:field_id".
FLOE_EXPORT floe_error* floe_table_schema(floe_catalog* catalog, const char* table,
                                          const char* options_json,
                                          struct ArrowSchema* out);

/// Creates a table whose columns are the fields of `schema`, a struct. The namespace is
/// made where it is missing.
///
/// options_json may be NULL, or {"partition_by"?: ["day(ts)", "bucket(16,k)",
/// "truncate(4,s)", "year(ts)", "month(ts)", "hour(ts)", "column"], "properties"?:
/// {text: text}, "format_version"?: 1 or 2, "location"?, "if_not_exists"?: bool}.
/// Errors: ALREADY_EXISTS, NO_SUCH_COLUMN, NOT_SUPPORTED for an Arrow type that Iceberg
/// lacks.
FLOE_EXPORT floe_error* floe_create_table(floe_catalog* catalog, const char* table,
                                          struct ArrowSchema* schema,
                                          const char* options_json);

/// Drops a table from the catalog; with purge != 0 its files are deleted too.
FLOE_EXPORT floe_error* floe_drop_table(floe_catalog* catalog, const char* table,
                                        int purge);

/// Appends the rows of a stream as one snapshot, retried when another writer was first.
///
/// Columns are matched by name; a column the table lacks is NO_SUCH_COLUMN, one the
/// stream lacks is NULL (INVALID_ARGUMENT where it is required). options_json may be
/// NULL, or {"snapshot_properties"?: {text: text}, "add_columns"?: bool, "overwrite"?:
/// bool}. With add_columns, columns the table lacks are added to it first, and narrower
/// ones widened. With overwrite, the rows replace the table's, and their columns its
/// columns, in one commit that keeps the history. `out_json` may be NULL; it receives
/// {"snapshot_id", "rows", "files", "metadata_location"}. A stream without rows appends
/// nothing: "snapshot_id" is then null. COMMIT_STATE_UNKNOWN means that the rows may be
/// there.
FLOE_EXPORT floe_error* floe_append(floe_catalog* catalog, const char* table,
                                    struct ArrowArrayStream* rows,
                                    const char* options_json, char** out_json);

/// Deletes the rows of the main branch for which the filter (as floe_scan takes it) is
/// true, in one snapshot; none where there is no such row. Done anew when another writer
/// was first and it matters (write.delete.isolation-level).
///
/// options_json may be NULL, or {"mode"?: "copy-on-write" | "merge-on-read" (the table's
/// write.delete.mode), "snapshot_properties"?: {text: text}}. `out_json` may be NULL; it
/// receives {"deleted_rows", "removed_files", "rewritten_files", "delete_files",
/// "metadata_location"}; of files removed unread, all rows they held count as deleted.
FLOE_EXPORT floe_error* floe_delete_rows(floe_catalog* catalog, const char* table,
                                         const char* filter, const char* options_json,
                                         char** out_json);

/// Changes a table's metadata in one commit, made anew when another writer was first.
///
/// change_json has one of these keys:
/// "schema": [{"op": "add", "column": name, within its parent, "type": Iceberg's type as
///   in schema JSON (its ids are assigned anew), "parent"?: full name of a struct, list
///   or map, "doc"?, "required"?: bool (false), "default"?: Iceberg's JSON of the value,
///   for rows there are and rows written without one}, {"op": "drop" | "optional",
///   "column": full name such as "a.b" or "points.element.x"}, {"op": "rename", "column",
///   "to": last part of the new name}, {"op": "widen", "column", "type"}, {"op": "doc",
///   "column", "doc"}, {"op": "write_default", "column", "default"}, {"op": "move",
///   "column", "before"? | "after"?: full name; neither: first}, {"op": "identifier",
///   "columns": [names]}];
/// "partition_spec": [{"op": "add", "field": text as in floe_create_table, "name"?},
/// {"op":
///   "remove", "name"}, {"op": "rename", "name", "to"}];
/// "sort_order": ["k", "bucket(16,k) desc", "ts desc nulls first", ...], [] for none;
/// "refs": [{"op": "create_branch" | "create_tag", "name", "snapshot_id"?: (the current
///   one)}, {"op": "replace", "name", "snapshot_id"}, {"op": "remove", "name"}, {"op":
///   "rename", "name", "to"}, {"op": "fast_forward", "name": branch, "to": ref}, {"op":
///   "retain", "name", "min_snapshots_to_keep"?, "max_snapshot_age_ms"?,
///   "max_ref_age_ms"?}, {"op": "set_current", "snapshot_id"}, {"op": "rollback",
///   "snapshot_id"? | "timestamp_ms"?: to an ancestor of the current snapshot}];
/// "cherry_pick": id of a snapshot whose changes main lacks;
/// "properties": {text: text}, "remove_properties": [text] (both may be given);
/// "format_version": integer; "location": text.
/// `out_json` may be NULL; it receives {"metadata_location", "current_snapshot_id":
/// integer or null, "schema_id", "spec_id", "sort_order_id"}. Errors: NO_SUCH_COLUMN,
/// NO_SUCH_SNAPSHOT, ALREADY_EXISTS, INVALID_ARGUMENT naming what cannot be changed.
FLOE_EXPORT floe_error* floe_table_update(floe_catalog* catalog, const char* table,
                                          const char* change_json, char** out_json);

/// Upkeep of a table. `action` and what options_json (may be NULL) may hold besides
/// "dry_run"?: boolean:
/// "compact": {"filter"?, "target_bytes"?, "min_files"? (5), "rewrite_all"? (false),
/// "sort_by"?: [column, or "column desc"], empty for the table's sort order};
/// "deletes": {"filter"?, "min_files"? (2)}; "manifests": {"target_bytes"?};
/// "expire": {"older_than_ms"?: a time, "retain_last"?, "keep_files"? (false)};
/// "orphans": {"older_than_ms"?: a time, "allow_recent"? (false)}.
/// `out_json` may be NULL; it receives {"action", "dry_run", "table", "snapshot_id",
/// "metadata_location", "counts": {text: integer}, "removed": [location], "failures":
/// [text]}.
FLOE_EXPORT floe_error* floe_maintain(floe_catalog* catalog, const char* table,
                                      const char* action, const char* options_json,
                                      char** out_json);

/// Gives a table whose metadata exists a name in the catalog; its namespace is made when
/// missing. `out_json` may be NULL; it receives {"metadata_location", "table_uuid"}.
/// Errors: ALREADY_EXISTS, NO_SUCH_FILE, CORRUPT_DATA.
FLOE_EXPORT floe_error* floe_register_table(floe_catalog* catalog, const char* table,
                                            const char* metadata_location,
                                            char** out_json);

/// Makes a table of Parquet files where they lie: metadata alone is written, statistics
/// are the footers', key=value folders become identity partitions, columns are found by
/// name (schema.name-mapping.default).
///
/// request_json: {"paths": [folder or file], "append"?: to a table that exists (false),
/// "dry_run"?: boolean, "nanoseconds"?: "refuse", "truncate" or "keep" (format 3),
/// "partition_types"?: {key: Iceberg type}, "properties"?: {text: text} of a new table
/// (gc.enabled=false: upkeep never deletes the files), "storage_options"?: to read the
/// files with}. `out_json` may be NULL; it receives {"files", "rows", "bytes",
/// "format_version", "schema"} and, unless a dry run, "metadata_location" and
/// "snapshot_id". Errors: INVALID_ARGUMENT names the file that does not fit,
/// ALREADY_EXISTS.
FLOE_EXPORT floe_error* floe_migrate(floe_catalog* catalog, const char* table,
                                     const char* request_json, char** out_json);

/// Reads a table, pruned by the filter, as a stream of batches in no fixed order.
///
/// `table` is "namespace.table", or the path or file:// URI of a metadata.json, for
/// which `catalog` may be NULL. options_json may be NULL, or {"columns"?: [text],
/// "filter"?: text such as "a >= 3 and b in ('x', 'y') or c is null", "snapshot_id"?,
/// "ref"?: branch or tag, "as_of_ms"?, "limit"?: integer >= 0, "metadata_table"?,
/// "changes"?, "after_snapshot_id"?}; at most one of the three pins. Columns come in the
/// order given, else in the schema's. Errors found while reading come from the stream's
/// get_next. Errors: NO_SUCH_TABLE, NO_SUCH_COLUMN, NO_SUCH_SNAPSHOT.
///
/// "namespace.table.files", or the table and "metadata_table": "files", is a table about
/// the table, with the columns that Iceberg's Java library gives it: snapshots, history,
/// refs, metadata_log_entries, manifests, files, data_files, delete_files, entries,
/// partitions, all_manifests, all_files, all_data_files, all_delete_files, all_entries.
///
/// "changes": "all" reads which rows the snapshots after "after_snapshot_id" (left out:
/// all) up to the pinned one inserted and deleted, oldest first, with the columns
/// _change_type ("INSERT" or "DELETE"), _change_ordinal and _commit_snapshot_id added;
/// "appends" reads the rows that appends among them added. A copy-on-write of a file
/// deletes its rows and inserts those that stay.
FLOE_EXPORT floe_error* floe_scan(floe_catalog* catalog, const char* table,
                                  const char* options_json, struct ArrowArrayStream* out);

/// The data files that floe_scan would read, in the order of the table's manifests, so
/// that readers elsewhere can share them out. No data file is opened.
///
/// `table` and `catalog` as in floe_scan. options_json may be NULL, or {"filter"?,
/// "snapshot_id"?, "ref"?, "as_of_ms"?} as there. The stream's columns: "file_path",
/// "file_format": "PARQUET", "ORC" or "AVRO", "record_count", "file_size_bytes",
/// "sequence_number", and "delete_files": the paths of the delete files that apply, of
/// rows that record_count still counts. `out_report_json` may be NULL; it receives
/// {"snapshot_id": null for a table without rows, "manifests", "manifests_skipped",
/// "files", "files_skipped_by_partition", "files_skipped_by_metrics", "files_kept",
/// "rows_kept", "bytes_kept", "delete_files"}. Errors: as floe_scan.
FLOE_EXPORT floe_error* floe_plan_files(floe_catalog* catalog, const char* table,
                                        const char* options_json,
                                        struct ArrowArrayStream* out,
                                        char** out_report_json);

/// Where feature rows come from, wherever a request below says `source`:
/// {"table": "namespace.table" or the path of a metadata.json, "catalog"?: the settings
/// of the table's own catalog (floe_catalog_open) where it is not the call's,
/// "snapshot_id"?, "ref"?, "as_of_ms"?} or {"parquet": path of a file or of a folder of
/// *.parquet files}; and in both "name"?: text for messages, "storage_options"?: {text:
/// text}, "timestamp_field": its event time, "created_timestamp_column"?: what breaks
/// ties. A `catalog` may be NULL when no source needs one.
///
/// `options` are {"threads"?, "memory_budget_bytes"?, "batch_rows"?, "timeout_ms"?}, all
/// integers > 0. A retrieval that is not done timeout_ms after the call, its stream read
/// to the end included, fails with DEADLINE_EXCEEDED at the next row group or batch.
///
/// Point-in-time features for entity rows: one output row per entity row, in order, with
/// every entity column first and then each view's features. Of a view's rows with the
/// entity row's keys, the one with the greatest (event time, created) that is not after
/// the entity's time and not older than the ttl; NULLs where there is none.
///
/// request_json: {
///   "entity_timestamp_column"?: text ("event_timestamp"); a timestamp of any unit, with
///     a zone or without (then UTC), or a date,
///   "views": [{
///     "name": text, for messages,
///     "source": source,
///     "join_keys": [{"entity": entity column, "source": source column}], may be empty,
///     "ttl_us"?: integer, 0 for rows of any age,
///     "features": [{"source": source column, "output": output column}],
///     "labels"?: how conflicting labels are resolved, other than by the last one
///     written:
///       {"policy": "majority_vote"}: each feature's most frequent value, of values as
///       frequent as each other the newest; or {"policy": "labeler_priority", "labeler":
///       source column, "labelers": [names, the first heard first]}
///   }],
///   "filter_by_created_timestamp"?: bool; rows created after the entity's time do not
///     take part,
///   "start_us"?, "end_us"?: where `entity` is NULL: the entity rows are then the
///     distinct (keys, event time) of all views' rows in [start_us, end_us],
///   "query"?: text kept in the receipt as it is,
///   "options"?: options
/// }
/// `entity` may be NULL (see start_us). `out_receipt_json` may be NULL; it receives what
/// asks for the same rows again: {"format": 1, "query", "views": [{"view", "source",
/// "table_uuid", "snapshot_id", "schema_id"}]}, and what it took this time, until the
/// stream was handed over: "cost": {"requests": {"get", "head", "put", "list", "delete",
/// "catalog"}, "read_bytes", "written_bytes", "retries"}. Errors: NO_SUCH_TABLE,
/// NO_SUCH_COLUMN, RESOURCE_EXHAUSTED past memory_budget_bytes.
FLOE_EXPORT floe_error* floe_historical_features(floe_catalog* catalog,
                                                 const char* request_json,
                                                 struct ArrowArrayStream* entity,
                                                 struct ArrowArrayStream* out,
                                                 char** out_receipt_json);

/// What floe_historical_features would read, without reading rows: {"entity_rows",
/// "all_entity_rows_seen", "output_columns", "views": [{"view", "source", "snapshot_id",
/// "filter": the times and keys looked for, "files_total", "files_opened": left by the
/// table's metadata, "files_kept": with row groups to read, "row_groups",
/// "row_groups_kept", "rows_kept", "bytes_kept", "key_bytes", "feature_bytes", "files":
/// [{"path", "size_bytes", "row_groups", "row_groups_kept", "rows_kept", "key_bytes",
/// "feature_bytes"}]}], "cost": of this explanation, as in a receipt}. Bytes are the
/// compressed columns of the row groups kept; of feature columns only the pages with rows
/// found are then read. Files of ORC and Avro count as one row group whose columns have 0
/// bytes.
FLOE_EXPORT floe_error* floe_explain_historical_features(floe_catalog* catalog,
                                                         const char* request_json,
                                                         struct ArrowArrayStream* entity,
                                                         char** out_json);

/// The latest row per key in [start_us, end_us], both inclusive: newest by timestamp,
/// then by created timestamp. Columns: join keys, features, timestamp, created, each
/// once; without join keys one row for the whole source, and "__dummy_id" = "".
///
/// request_json: {"source": source, "join_keys": [text], "features": [text], "start_us"?,
/// "end_us"?, "options"?: options}; names are the source's own. `out_receipt_json` as in
/// floe_historical_features.
FLOE_EXPORT floe_error* floe_pull_latest(floe_catalog* catalog, const char* request_json,
                                         struct ArrowArrayStream* out,
                                         char** out_receipt_json);

/// As floe_pull_latest, without choosing: every row of the range, read as the stream is.
FLOE_EXPORT floe_error* floe_pull_all(floe_catalog* catalog, const char* request_json,
                                      struct ArrowArrayStream* out,
                                      char** out_receipt_json);

/// Statistics of a source's columns for data-quality monitoring, as Feast defines them
/// and exact, in bounded memory.
///
/// request_json: {"source": source, "features": [{"column": source column, "name"?: text
/// for the answer, "kind": "numeric" | "categorical"}], may be empty, "start_us"?,
/// "end_us"?: both inclusive, "histogram_bins"? (20), "top_n"? (10), "memory_bytes"?: for
/// what is kept of all columns together; less of it reads the source more often (256
/// MiB), "options"?: options}. The answer: {"rows", "passes", "max_timestamp_us": integer
/// or null, "features": [{"feature_name", "feature_type", "row_count", "null_count",
/// "null_rate", "mean", "stddev", "min_val", "max_val", "p50", "p75", "p90", "p95",
/// "p99", "histogram"}]}; a number column's histogram is {"bins", "counts", "bin_width"},
/// a name column's {"values": [{"value", "count"}], "other_count", "unique_count"}.
/// Errors: NO_SUCH_TABLE, NO_SUCH_COLUMN, INVALID_ARGUMENT for values that are no
/// numbers.
FLOE_EXPORT floe_error* floe_feature_statistics(floe_catalog* catalog,
                                                const char* request_json,
                                                char** out_json);

/// Opens the online tables of a namespace. The handle keeps the catalog open.
///
/// config_json: {"namespace"?: text ("feast_online"), "partition_strategy"?:
/// "entity_hash" | "timestamp" | "hybrid" ("entity_hash"), "partition_count"?: integer
/// (32), "read_timeout_ms"?: integer, the deadline of a read (100; 0: none),
/// "entity_key_serialization_version"?: 2 or 3 (3), "snapshot_refresh_ms"?: integer, for
/// how long a table's version is not asked for again (0: every read asks; writes through
/// this handle are seen at once), "row_cache_mb"?: integer, memory for rows read lately
/// (256)}; the other keys of Feast's `online_store` section may be there too. Errors:
/// INVALID_CONFIG.
FLOE_EXPORT floe_error* floe_online_open(floe_catalog* catalog, const char* config_json,
                                         floe_online** out);

/// Frees an online handle; NULL is allowed.
FLOE_EXPORT void floe_online_close(floe_online* online);

/// Wherever a request below says `view`: {"project": text, "view": text, "version"?:
/// integer (Feast's, 0: not versioned), "features": [{"name": text, "type": text,
/// "renamed_from"?: text}], "complete"?: bool, "join_keys"?: [text]}; type is the name of
/// a Feast value type, e.g. "INT64", "DOUBLE", "STRING_LIST". The table is
/// `{namespace}.{project}_{view}_online`, with `_v{version}` after the view if versioned.
///
/// "renamed_from", "complete" and "join_keys" are of use where tables are brought up to
/// date: a column of the old name is renamed where the new one is not there; of a
/// complete view, columns of features it does not have are dropped, but those named as
/// join keys. Neither rewrites data.
///
/// Makes the tables of `create`, or brings those that exist up to date, then removes the
/// tables of `drop`. request_json: {"create"?: [view], "drop"?: [{"project", "view",
/// "version"?}]}. INVALID_ARGUMENT where a feature changed to a type that stored values
/// cannot be read as.
FLOE_EXPORT floe_error* floe_online_update(floe_online* online, const char* request_json);

/// What floe_online_update would do with the same request: {"tables": [{"table": text,
/// "exists": bool, "changes": [{"kind": "add" | "drop" | "rename" | "widen", "column",
/// "from", "to"}]}], "drops": [tables of "drop" that exist]}. "from" and "to" are Iceberg
/// types, "from" of a rename the column's old name; a table that does not exist has all
/// its columns added. Changes nothing.
FLOE_EXPORT floe_error* floe_online_plan(floe_online* online, const char* request_json,
                                         char** out_json);

/// Loads what reads of a view need before the first one, without a deadline.
/// request_json: {"view": view}.
FLOE_EXPORT floe_error* floe_online_warm(floe_online* online, const char* request_json);

/// Writes rows given as Arrow, in one commit. request_json: {"view": view, "join_keys":
/// [{"name": column, "type": Feast value type}], "timestamp_column": column,
/// "created_timestamp_column"?: column}; other columns are the view's features. Of rows
/// with equal keys only the newest is written. `out_json` may be NULL; it receives
/// {"rows_in", "rows_written", "files_written", "snapshot_id": integer or null}.
FLOE_EXPORT floe_error* floe_online_write(floe_online* online, const char* request_json,
                                          struct ArrowArrayStream* rows, char** out_json);

/// As floe_online_write, for rows given as Feast's protobuf messages.
///
/// `rows` are packed rows, little-endian, without padding: u32 length and the bytes of a
/// serialized feast.types.EntityKey; i64 event timestamp in microseconds; i64 created
/// timestamp, INT64_MIN for none; u32 count of values; then for each value u32 index into
/// the view's features, u32 length and the bytes of a serialized feast.types.Value.
/// request_json: {"view": view}. Errors: INVALID_ARGUMENT for a value that is not of its
/// feature's type or a buffer that ends too early; nothing is then written.
FLOE_EXPORT floe_error* floe_online_write_protos(floe_online* online,
                                                 const char* request_json,
                                                 const uint8_t* rows, size_t size,
                                                 char** out_json);

/// Reads the newest row of each key; the answer has the order and length of the request,
/// duplicates and misses included.
///
/// `keys` are, little-endian, without padding: u32 count; then for each key u32 length
/// and the bytes of a serialized feast.types.EntityKey. request_json: {"view": view,
/// "features": [names to read]}. The answer is, per key: i64 event timestamp in
/// microseconds, INT64_MIN for a key that has no row; then for each requested feature u32
/// length and the bytes of a serialized feast.types.Value (length 0: NULL, or no row).
/// DEADLINE_EXCEEDED after read_timeout_ms; NO_SUCH_TABLE where the view was never
/// applied.
FLOE_EXPORT floe_error* floe_online_read_protos(floe_online* online,
                                                const char* request_json,
                                                const uint8_t* keys, size_t size,
                                                floe_bytes* out);

FLOE_EXPORT floe_progress* floe_progress_new(void);

/// Frees it, after the call it was given to has ended; NULL is allowed.
FLOE_EXPORT void floe_progress_free(floe_progress* progress);

/// The call ends with CANCELLED at its next step; what it committed before stays.
FLOE_EXPORT void floe_progress_cancel(floe_progress* progress);

/// Rows read and written; what is read counts half.
FLOE_EXPORT int64_t floe_progress_done(const floe_progress* progress);

/// The rows there will be; 0 until that is known.
FLOE_EXPORT int64_t floe_progress_total(const floe_progress* progress);

/// Writes a source's newest row per key into a view's online table: floe_pull_latest and
/// floe_online_write in one, without a row leaving the library.
///
/// request_json: {"view": view, "source": source, "join_keys": [{"source": column,
/// "name": the view's join key, "type": Feast value type}] (empty for a view without
/// entities), "features": [{"source": column, "name": the view's feature,
/// "vector_length"?: integer, the length of all of its lists, 0 for that of the first}],
/// "start_us"?, "end_us"?: as in floe_pull_latest, "rows_per_commit"?: integer (4194304),
/// "options"?: options}. `progress` and `out_json` may be NULL; the latter receives
/// {"rows", "files", "commits", "snapshot_id": integer or null, of the last commit}.
/// Writing the same rows again changes no answer. Errors: as of the two calls; CANCELLED.
FLOE_EXPORT floe_error* floe_materialize(floe_catalog* catalog, floe_online* online,
                                         const char* request_json,
                                         floe_progress* progress, char** out_json);

/// Makes a request for online features ready to be asked many times. It stays valid after
/// the handle is closed. Free it by floe_online_request_free.
///
/// request_json: {"columns": [{"name": text, "is_returned"?: boolean (true)}], "views":
/// [{"view": view, "features": [names], "names": [what the response calls each; "" leaves
/// it out], "join_keys": [{"name": join key, "column": index into columns}], or instead
/// "key_column": index of a column of whole entity keys, "ttl_us"?: integer, the age
/// beyond which rows are OUTSIDE_MAX_AGE (0: none is), "metadata_name"?: text,
/// "metadata_version"?: integer}]}. Errors: INVALID_ARGUMENT.
FLOE_EXPORT floe_error* floe_online_prepare(floe_online* online, const char* request_json,
                                            floe_online_request** out);

/// Frees a request; NULL is allowed.
FLOE_EXPORT void floe_online_request_free(floe_online_request* request);

/// Answers a request for some entities: `out` receives a serialized
/// feast.serving.GetOnlineFeaturesResponse, the entity columns first.
///
/// `entities` are, little-endian, without padding: u32 count of rows; then for each
/// column of the request one byte and its values: 0, i64s (INT64); 1, i32s (INT32); 2,
/// per row u32 length and UTF-8 (STRING); 3, per row u32 length and a serialized
/// feast.types.Value; 4, per row u32 length and a serialized feast.types.EntityKey; 5,
/// u32 length and the UTF-8 of one STRING for all rows. DEADLINE_EXCEEDED after
/// read_timeout_ms, over all views, even where the catalog or storage hangs;
/// RESOURCE_EXHAUSTED while too many such reads still hang; NO_SUCH_TABLE where a view
/// was never applied.
FLOE_EXPORT floe_error* floe_online_features(floe_online_request* request,
                                             const uint8_t* entities, size_t size,
                                             floe_bytes* out);

/// The values of a serialized feast.serving.GetOnlineFeaturesResponse by column.
///
/// `out` receives, little-endian, without padding: u32 count of columns; for each, in the
/// message's order, one byte (the form), u32 count of rows, u32 count of rows without a
/// value and a u32 for each of those; then by form: 0, nothing, the values are of other
/// types or of several; 1, f64s (DOUBLE, FLOAT); 2, i64s (INT64, INT32); 3, one byte each
/// (BOOL); 4, a u32 length each and then the UTF-8 of all (STRING).
FLOE_EXPORT floe_error* floe_features_columns(const uint8_t* message, size_t size,
                                              floe_bytes* out);

/// Searches a view's newest rows, exactly: each is looked at.
///
/// request_json: {"view": view, "features": [names to answer with], "top_k"?: integer
/// (10), "vector_feature"?: text and "metric"?: "L2" | "L1" | "cosine" | "dot" ("L2"),
/// for an embedding, "text"?: words that must all occur in one of "text_features"?:
/// [names], "filter"?: text, the JSON of {"type": "eq" | "ne" | "gt" | "gte" | "lt" |
/// "lte" | "in" | "nin", "key": feature or join key, "value"} or {"type": "and" | "or",
/// "filters": [..]}, "timeout_ms"?: integer (10000; 0: none)}. `embedding` may be NULL
/// where a text is given.
///
/// The answer is, little-endian, without padding: u32 count of documents; for each u32
/// length and the serialized entity key, i64 event timestamp in microseconds, f64
/// distance (0 without an embedding), f64 text rank in [0, 1) (0 without a text), then
/// per feature u32 length and a serialized feast.types.Value. The nearest are first;
/// without an embedding those that fit the text best.
FLOE_EXPORT floe_error* floe_online_search(floe_online* online, const char* request_json,
                                           const float* embedding, size_t size,
                                           floe_bytes* out);

/// Drops the tables of views and their files. request_json: {"drop": [{"project", "view",
/// "version"?}]}. A table that is gone already is no error.
FLOE_EXPORT floe_error* floe_online_teardown(floe_online* online,
                                             const char* request_json);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // FLOE_FLOE_H_
