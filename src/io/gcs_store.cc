#include "io/gcs_store.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/env.h"
#include "base/error.h"
#include "io/google_credentials.h"
#include "io/iso_time.h"
#include "io/property_reader.h"
#include "io/store_error.h"

namespace floe {
namespace {

using Json = nlohmann::json;

/// Marks an object with the write that made it, so that a write whose answer was lost is
/// known again.
constexpr char kWriteId[] = "floe-write";
constexpr int kListPageObjects = 1000;
constexpr int kResumeIncomplete = 308;

struct Draft {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string_view action = "read";
  std::string key;
  RequestKind kind = RequestKind::kGet;
};

Json ParseAnswer(const HttpResponse& response) {
  return Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
}

std::string TextOf(const Json& json, const char* name) {
  if (!json.is_object()) return "";
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t IntegerOf(const Json& json, const char* name) {
  const std::string text = TextOf(json, name);
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The store's word for a failure: errors[0].reason, in S3's spelling where there is one.
std::string CodeOf(const HttpResponse& response) {
  const Json json = ParseAnswer(response);
  if (!json.is_object() || !json.contains("error")) return "";
  const Json& error = json["error"];
  if (!error.is_object()) return "";
  const auto errors = error.find("errors");
  if (errors == error.end() || !errors->is_array() || errors->empty()) return "";
  return TextOf((*errors)[0], "reason");
}

class GcsStore final : public ObjectStore, public std::enable_shared_from_this<GcsStore> {
 public:
  explicit GcsStore(GcsSettings settings) : settings_(std::move(settings)) {}

  arrow::Result<ObjectPart> Get(const std::string& key, int64_t begin,
                                int64_t length) override {
    Draft draft;
    draft.key = key;
    draft.url = ObjectUrl(key, "alt=media");
    draft.headers.emplace_back("range", RangeHeader(begin, std::max<int64_t>(length, 1)));
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, Send(draft));
    ObjectPart part;
    part.object_size_bytes = ObjectSizeOfRange(response);
    if (response.status == 206 && part.object_size_bytes >= 0) {
      part.bytes = std::move(response.body);
      part.bytes.resize(std::min(part.bytes.size(), static_cast<size_t>(length)));
      return part;
    }
    if (response.status == 416) {  // Beyond the end, or of an empty object.
      if (part.object_size_bytes >= 0) return part;
      ARROW_ASSIGN_OR_RAISE(const ObjectInfo info, Head(key));
      return ObjectPart{"", info.size_bytes};
    }
    if (response.status == 200) {  // All of it, as of objects stored compressed.
      part.object_size_bytes = static_cast<int64_t>(response.body.size());
      if (begin < part.object_size_bytes) {
        part.bytes =
            response.body.substr(static_cast<size_t>(begin), static_cast<size_t>(length));
      }
      return part;
    }
    return Error(draft, response);
  }

  arrow::Result<ObjectInfo> Head(const std::string& key) override {
    ARROW_ASSIGN_OR_RAISE(const Json json, Describe(key));
    return InfoOf(json);
  }

  arrow::Status Put(const std::string& key, std::string bytes, WriteMode mode) override {
    const std::string write_id = NewUuid(*settings_.random);
    const std::string boundary = "floe-" + write_id;
    Draft draft = WriteDraft("POST", key, UploadUrl(key, "multipart", mode));
    draft.headers.emplace_back("content-type", "multipart/related; boundary=" + boundary);
    draft.body = fmt::format(
        "--{0}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{1}\r\n--{0}\r\n"
        "content-type: application/octet-stream\r\n\r\n",
        boundary, ObjectJson(key, write_id));
    draft.body += bytes;
    draft.body += "\r\n--" + boundary + "--\r\n";
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
    return FinishWrite(draft, response, write_id);
  }

  arrow::Result<std::unique_ptr<ObjectUpload>> StartUpload(const std::string& key,
                                                           WriteMode mode) override;

  arrow::Status Delete(const std::string& key) override {
    Draft draft;
    draft.method = "DELETE";
    draft.key = key;
    draft.url = ObjectUrl(key, "");
    draft.action = "delete";
    draft.kind = RequestKind::kDelete;
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
    if (response.status == 204 || response.status == 200) return arrow::Status::OK();
    if (response.status == 404 && response.is_perhaps_repeated) {
      return arrow::Status::OK();
    }
    return Error(draft, response);
  }

  arrow::Result<ObjectPage> List(const std::string& prefix, bool recursive,
                                 const std::string& token) override {
    Draft draft;
    draft.action = "list";
    draft.key = prefix;
    draft.kind = RequestKind::kList;
    draft.url = fmt::format("{}/storage/v1/b/{}/o?prefix={}&maxResults={}",
                            settings_.endpoint, PercentEncode(settings_.bucket),
                            PercentEncode(prefix), kListPageObjects);
    if (!recursive) draft.url += "&delimiter=%2F";
    if (!token.empty()) draft.url += "&pageToken=" + PercentEncode(token);
    draft.url += UserProject();
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
    if (response.status != 200) return Error(draft, response);
    const Json json = ParseAnswer(response);
    ObjectPage page;
    if (json.is_object() && json.contains("items") && json["items"].is_array()) {
      for (const Json& item : json["items"]) page.objects.push_back(InfoOf(item));
    }
    page.next_token = TextOf(json, "nextPageToken");
    return page;
  }

  static Draft WriteDraft(std::string method, const std::string& key, std::string url) {
    Draft draft;
    draft.method = std::move(method);
    draft.key = key;
    draft.url = std::move(url);
    draft.action = "write";
    draft.kind = RequestKind::kPut;
    return draft;
  }

  /// 412 is ours all the same where an earlier try of this write made the object: looked
  /// into each time, for curl sends a request again unasked when a kept connection ends
  /// without an answer.
  arrow::Status FinishWrite(const Draft& draft, const HttpResponse& response,
                            const std::string& write_id) {
    if (response.status == 200 || response.status == 201) return arrow::Status::OK();
    if (response.status == 412 || response.status == 404 || response.status == 410) {
      auto json = Describe(draft.key);
      if (json.ok() && json->contains("metadata") &&
          TextOf((*json)["metadata"], kWriteId) == write_id) {
        return arrow::Status::OK();
      }
    }
    return Error(draft, response);
  }

  arrow::Result<HttpResponse> Send(const Draft& draft) {
    HttpRequest request;
    request.method = draft.method;
    request.url = draft.url;
    request.headers = draft.headers;
    request.body = draft.body;
    request.kind = draft.kind;
    ARROW_ASSIGN_OR_RAISE(const auto token, settings_.token->Get());
    if (token.has_value())
      request.headers.emplace_back("authorization", "Bearer " + *token);
    auto response = settings_.http->Send(request);
    if (!response.ok()) return WithStoreContext(RequestOf(draft), response.status());
    if (response->status < 300) bucket_is_there_ = true;
    return response;
  }

  arrow::Status Error(const Draft& draft, const HttpResponse& response) {
    std::string code = CodeOf(response);
    if (response.status == 404) {
      ARROW_ASSIGN_OR_RAISE(const bool is_missing, IsBucketMissing(draft));
      if (is_missing) code = "NoSuchBucket";
    }
    return StoreError(RequestOf(draft), response, code);
  }

 private:
  /// What a 404 is about: the answer does not always say.
  arrow::Result<bool> IsBucketMissing(const Draft& draft) {
    if (bucket_is_there_) return false;
    // What is written or listed need not be there.
    if (draft.kind == RequestKind::kPut || draft.kind == RequestKind::kList) return true;
    Draft look;
    look.action = draft.action;
    look.key = draft.key;
    look.kind = RequestKind::kList;
    look.url = fmt::format("{}/storage/v1/b/{}/o?maxResults=1{}", settings_.endpoint,
                           PercentEncode(settings_.bucket), UserProject());
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(look));
    return response.status == 404;
  }

  static ObjectInfo InfoOf(const Json& json) {
    return {TextOf(json, "name"), IntegerOf(json, "size"),
            ParseIsoTimeMillis(TextOf(json, "updated")).value_or(0)};
  }

  static std::string ObjectJson(const std::string& key, const std::string& write_id) {
    const Json json = {{"name", key},
                       {"contentType", "application/octet-stream"},
                       {"metadata", {{kWriteId, write_id}}}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  arrow::Result<Json> Describe(const std::string& key) {
    Draft draft;
    draft.key = key;
    draft.url = ObjectUrl(key, "");
    draft.action = "look at";
    draft.kind = RequestKind::kHead;
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
    if (response.status != 200) return Error(draft, response);
    Json json = ParseAnswer(response);
    if (!json.is_object()) {
      return MakeError(ErrorCode::kServiceUnavailable,
                       "'{}' was looked at, but {} gave an answer that is no JSON",
                       Location(key), HostOfUrl(settings_.endpoint));
    }
    return json;
  }

  std::string UserProject() const {
    return settings_.user_project.empty()
               ? ""
               : "&userProject=" + PercentEncode(settings_.user_project);
  }

  std::string ObjectUrl(const std::string& key, std::string_view query) const {
    std::string url =
        fmt::format("{}/storage/v1/b/{}/o/{}?{}", settings_.endpoint,
                    PercentEncode(settings_.bucket), PercentEncode(key), query);
    url += UserProject();
    return url;
  }

  std::string UploadUrl(const std::string& key, std::string_view type,
                        WriteMode mode) const {
    return fmt::format(
        "{}/upload/storage/v1/b/{}/o?uploadType={}&name={}{}{}", settings_.endpoint,
        PercentEncode(settings_.bucket), type, PercentEncode(key),
        mode == WriteMode::kCreate ? "&ifGenerationMatch=0" : "", UserProject());
  }

  std::string Location(const std::string& key) const {
    return fmt::format("{}://{}/{}", settings_.scheme, settings_.bucket, key);
  }

  StoreRequest RequestOf(const Draft& draft) const {
    StoreRequest request;
    request.action = draft.action;
    request.location = Location(draft.key);
    request.bucket = fmt::format("bucket '{}'", settings_.bucket);
    request.endpoint = HostOfUrl(settings_.endpoint);
    request.credentials = settings_.token->origin();
    return request;
  }

  const GcsSettings settings_;
  std::atomic<bool> bucket_is_there_ = false;
};

/// A resumable upload: its parts go in order, and the last one says that it is.
class GcsUpload final : public ObjectUpload {
 public:
  GcsUpload(std::shared_ptr<GcsStore> store, std::string key, std::string session_url,
            std::string write_id)
      : store_(std::move(store)),
        key_(std::move(key)),
        session_url_(std::move(session_url)),
        write_id_(std::move(write_id)) {}

  int parallel_parts_max() const override { return 1; }

  arrow::Status PutPart(int /*number*/, std::string bytes) override {
    // One part is held back, since the last must be told from the others.
    if (!held_.empty()) ARROW_RETURN_NOT_OK(SendHeld(/*is_last=*/false));
    held_ = std::move(bytes);
    return arrow::Status::OK();
  }

  arrow::Status Complete() override { return SendHeld(/*is_last=*/true); }

  arrow::Status Abort() override {
    Draft draft = GcsStore::WriteDraft("DELETE", key_, session_url_);
    draft.kind = RequestKind::kDelete;
    // 499 is what Google answers to a cancelled upload; what is gone is gone.
    return store_->Send(draft).status();
  }

 private:
  arrow::Status SendHeld(bool is_last) {
    Draft draft = GcsStore::WriteDraft("PUT", key_, session_url_);
    const auto length = static_cast<int64_t>(held_.size());
    const std::string total = is_last ? fmt::to_string(sent_bytes_ + length) : "*";
    draft.headers.emplace_back(
        "content-range", length == 0 ? fmt::format("bytes */{}", total)
                                     : fmt::format("bytes {}-{}/{}", sent_bytes_,
                                                   sent_bytes_ + length - 1, total));
    draft.body = std::move(held_);
    held_.clear();
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, store_->Send(draft));
    if (!is_last) {
      if (response.status != kResumeIncomplete) return store_->Error(draft, response);
      ARROW_RETURN_NOT_OK(CheckTaken(draft, response, sent_bytes_ + length));
      sent_bytes_ += length;
      return arrow::Status::OK();
    }
    return store_->FinishWrite(draft, response, write_id_);
  }

  /// The store may take less than it was sent: what it lacks would shift all that
  /// follows, so that is an error and the upload begins anew.
  static arrow::Status CheckTaken(const Draft& draft, const HttpResponse& response,
                                  int64_t sent_bytes) {
    const std::string* range = response.FindHeader("range");
    const std::string expected = fmt::format("bytes=0-{}", sent_bytes - 1);
    if (range == nullptr || *range == expected) return arrow::Status::OK();
    return MakeError(ErrorCode::kServiceUnavailable,
                     "the store took only a part of what was sent of '{}'; try again",
                     draft.key);
  }

  const std::shared_ptr<GcsStore> store_;
  const std::string key_;
  const std::string session_url_;
  const std::string write_id_;
  std::string held_;
  int64_t sent_bytes_ = 0;
};

arrow::Result<std::unique_ptr<ObjectUpload>> GcsStore::StartUpload(const std::string& key,
                                                                   WriteMode mode) {
  const std::string write_id = NewUuid(*settings_.random);
  Draft draft = WriteDraft("POST", key, UploadUrl(key, "resumable", mode));
  draft.headers.emplace_back("content-type", "application/json; charset=UTF-8");
  draft.headers.emplace_back("x-upload-content-type", "application/octet-stream");
  draft.body = ObjectJson(key, write_id);
  ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
  const std::string* session_url = response.FindHeader("location");
  if (response.status != 200 && response.status != 201) return Error(draft, response);
  if (session_url == nullptr) {
    return MakeError(ErrorCode::kServiceUnavailable,
                     "an upload of '{}' was begun, but {} did not say where to send it",
                     Location(key), HostOfUrl(settings_.endpoint));
  }
  return std::make_unique<GcsUpload>(shared_from_this(), key, *session_url, write_id);
}

}  // namespace

arrow::Result<GcsSettings> ReadGcsSettings(
    const std::map<std::string, std::string>& properties) {
  const PropertyReader reader(properties);
  GcsSettings settings;
  const auto emulator = GetEnv("STORAGE_EMULATOR_HOST");
  if (const auto endpoint = reader.Text("gcs.service.host")) {
    settings.endpoint = *endpoint;
  } else if (emulator.has_value() && !emulator->empty()) {
    settings.endpoint =
        emulator->find("://") == std::string::npos ? "http://" + *emulator : *emulator;
  }
  if (settings.endpoint.find("://") == std::string::npos) {
    settings.endpoint = "https://" + settings.endpoint;
  }
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  ARROW_ASSIGN_OR_RAISE(const bool requester_pays,
                        reader.Bool("gcs.requester-pays", false));
  settings.user_project = reader.Text("gcs.user-project").value_or("");
  if (requester_pays && settings.user_project.empty()) {
    settings.user_project = reader.Text("gcs.project-id").value_or("");
    if (settings.user_project.empty()) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "'gcs.requester-pays' needs 'gcs.project-id', the project that "
                       "pays");
    }
  }
  return settings;
}

std::shared_ptr<ObjectStore> MakeGcsStore(GcsSettings settings) {
  return std::make_shared<GcsStore>(std::move(settings));
}

}  // namespace floe
