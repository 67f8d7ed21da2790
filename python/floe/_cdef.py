"""The declarations of include/floe/floe.h, written by python/generate_cdef.py."""

CDEF = """\
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
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
typedef struct floe_error floe_error;
typedef struct floe_catalog floe_catalog;
typedef struct floe_online floe_online;
typedef struct floe_online_request floe_online_request;
typedef struct floe_progress floe_progress;
typedef struct floe_bytes {
  const uint8_t* data;
  size_t size;
  void* owner;
} floe_bytes;
const char* floe_error_code_name(const floe_error* error);
const char* floe_error_message(const floe_error* error);
int floe_error_retryable(const floe_error* error);
void floe_error_free(floe_error* error);
void floe_string_free(char* text);
void floe_bytes_free(floe_bytes* bytes);
const char* floe_version(void);
void floe_shutdown(void);
floe_error* floe_catalog_open(const char* config_json, floe_catalog** out);
void floe_catalog_close(floe_catalog* catalog);
floe_error* floe_list_namespaces(floe_catalog* catalog, char** out_json);
floe_error* floe_list_tables(floe_catalog* catalog, const char* name_space,
                                         char** out_json);
floe_error* floe_create_namespace(floe_catalog* catalog,
                                              const char* name_space);
floe_error* floe_table_exists(floe_catalog* catalog, const char* table,
                                          int* out);
floe_error* floe_describe_table(floe_catalog* catalog, const char* table,
                                            char** out_json);
floe_error* floe_table_schema(floe_catalog* catalog, const char* table,
                                          const char* options_json,
                                          struct ArrowSchema* out);
floe_error* floe_create_table(floe_catalog* catalog, const char* table,
                                          struct ArrowSchema* schema,
                                          const char* options_json);
floe_error* floe_drop_table(floe_catalog* catalog, const char* table,
                                        int purge);
floe_error* floe_append(floe_catalog* catalog, const char* table,
                                    struct ArrowArrayStream* rows,
                                    const char* options_json, char** out_json);
floe_error* floe_delete_rows(floe_catalog* catalog, const char* table,
                                         const char* filter, const char* options_json,
                                         char** out_json);
floe_error* floe_table_update(floe_catalog* catalog, const char* table,
                                          const char* change_json, char** out_json);
floe_error* floe_maintain(floe_catalog* catalog, const char* table,
                                      const char* action, const char* options_json,
                                      char** out_json);
floe_error* floe_register_table(floe_catalog* catalog, const char* table,
                                            const char* metadata_location,
                                            char** out_json);
floe_error* floe_migrate(floe_catalog* catalog, const char* table,
                                     const char* request_json, char** out_json);
floe_error* floe_scan(floe_catalog* catalog, const char* table,
                                  const char* options_json, struct ArrowArrayStream* out);
floe_error* floe_plan_files(floe_catalog* catalog, const char* table,
                                        const char* options_json,
                                        struct ArrowArrayStream* out,
                                        char** out_report_json);
floe_error* floe_historical_features(floe_catalog* catalog,
                                                 const char* request_json,
                                                 struct ArrowArrayStream* entity,
                                                 struct ArrowArrayStream* out,
                                                 char** out_receipt_json);
floe_error* floe_explain_historical_features(floe_catalog* catalog,
                                                         const char* request_json,
                                                         struct ArrowArrayStream* entity,
                                                         char** out_json);
floe_error* floe_pull_latest(floe_catalog* catalog, const char* request_json,
                                         struct ArrowArrayStream* out,
                                         char** out_receipt_json);
floe_error* floe_pull_all(floe_catalog* catalog, const char* request_json,
                                      struct ArrowArrayStream* out,
                                      char** out_receipt_json);
floe_error* floe_feature_statistics(floe_catalog* catalog,
                                                const char* request_json,
                                                char** out_json);
floe_error* floe_online_open(floe_catalog* catalog, const char* config_json,
                                         floe_online** out);
void floe_online_close(floe_online* online);
floe_error* floe_online_update(floe_online* online, const char* request_json);
floe_error* floe_online_plan(floe_online* online, const char* request_json,
                                         char** out_json);
floe_error* floe_online_warm(floe_online* online, const char* request_json);
floe_error* floe_online_write(floe_online* online, const char* request_json,
                                          struct ArrowArrayStream* rows, char** out_json);
floe_error* floe_online_write_protos(floe_online* online,
                                                 const char* request_json,
                                                 const uint8_t* rows, size_t size,
                                                 char** out_json);
floe_error* floe_online_read_protos(floe_online* online,
                                                const char* request_json,
                                                const uint8_t* keys, size_t size,
                                                floe_bytes* out);
floe_progress* floe_progress_new(void);
void floe_progress_free(floe_progress* progress);
void floe_progress_cancel(floe_progress* progress);
int64_t floe_progress_done(const floe_progress* progress);
int64_t floe_progress_total(const floe_progress* progress);
floe_error* floe_materialize(floe_catalog* catalog, floe_online* online,
                                         const char* request_json,
                                         floe_progress* progress, char** out_json);
floe_error* floe_online_prepare(floe_online* online, const char* request_json,
                                            floe_online_request** out);
void floe_online_request_free(floe_online_request* request);
floe_error* floe_online_features(floe_online_request* request,
                                             const uint8_t* entities, size_t size,
                                             floe_bytes* out);
floe_error* floe_features_columns(const uint8_t* message, size_t size,
                                              floe_bytes* out);
floe_error* floe_online_search(floe_online* online, const char* request_json,
                                           const float* embedding, size_t size,
                                           floe_bytes* out);
floe_error* floe_online_teardown(floe_online* online,
                                             const char* request_json);
"""
