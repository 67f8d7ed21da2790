#include "io/s3_store.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/env.h"
#include "base/error.h"
#include "io/iso_time.h"
#include "io/property_reader.h"
#include "io/store_error.h"
#include "io/xml_text.h"

namespace floe {
namespace {

/// Marks an object with the write that made it, so that a write whose answer was lost is
/// known again.
constexpr char kWriteIdHeader[] = "x-amz-meta-floe-write";
constexpr int kListPageObjects = 1000;
constexpr int kParallelParts = 4;
/// Sends of one request: the first, one to another region, one with new keys.
constexpr int kSendsMax = 3;

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A request before its URL, which depends on the region.
struct Draft {
  std::string method = "GET";
  std::string key;
  std::string query;
  Headers headers;
  std::string body;
  std::string_view action = "read";
  RequestKind kind = RequestKind::kGet;
};

std::string CodeOf(const HttpResponse& response) {
  return XmlText(response.body, "Code").value_or("");
}

class S3Store final : public ObjectStore, public std::enable_shared_from_this<S3Store> {
 public:
  explicit S3Store(S3Settings settings) : settings_(std::move(settings)) {
    region_ = settings_.region.empty() ? "us-east-1" : settings_.region;
  }

  arrow::Result<ObjectPart> Get(const std::string& key, int64_t begin,
                                int64_t length) override {
    Draft draft;
    draft.key = key;
    draft.headers.emplace_back("range", RangeHeader(begin, std::max<int64_t>(length, 1)));
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, Send(draft));
    ObjectPart part;
    part.object_size_bytes = ObjectSizeOfRange(response);
    if (response.status == 206 && part.object_size_bytes >= 0) {
      part.bytes = std::move(response.body);
      part.bytes.resize(std::min(part.bytes.size(), static_cast<size_t>(length)));
      return part;
    }
    // Beyond the end, or of an empty object: the size comes along.
    if (response.status == 416 && part.object_size_bytes >= 0) return part;
    if (response.status == 416) return HeadForSize(key);
    // A store that knows no ranges sends all of it.
    if (response.status == 200) {
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
    // A HEAD's failure has no body that would tell a missing bucket from a missing
    // object, so the first byte is asked for.
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, SendHead(key));
    ObjectInfo info;
    info.key = key;
    info.size_bytes = ObjectSizeOfRange(response);
    if (info.size_bytes < 0 && response.status == 200) {
      info.size_bytes = static_cast<int64_t>(response.body.size());
    }
    info.size_bytes = std::max<int64_t>(info.size_bytes, 0);  // 416: it is empty.
    if (const std::string* modified = response.FindHeader("last-modified")) {
      info.modified_ms = ParseHttpDateMillis(*modified).value_or(0);
    }
    return info;
  }

  arrow::Status Put(const std::string& key, std::string bytes, WriteMode mode) override {
    const std::string write_id = NewUuid(*settings_.random);
    Draft draft = WriteDraft("PUT", key);
    draft.headers = ObjectHeaders(write_id);
    AddCondition(mode, &draft.headers);
    draft.body = std::move(bytes);
    return SendWrite(draft, write_id, mode);
  }

  arrow::Result<std::unique_ptr<ObjectUpload>> StartUpload(const std::string& key,
                                                           WriteMode mode) override;

  arrow::Status Delete(const std::string& key) override {
    Draft draft;
    draft.method = "DELETE";
    draft.key = key;
    draft.action = "delete";
    draft.kind = RequestKind::kDelete;
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
    if (response.status == 204 || response.status == 200) return arrow::Status::OK();
    if (response.status == 404 && response.is_perhaps_repeated &&
        CodeOf(response).empty()) {
      return arrow::Status::OK();
    }
    return Error(draft, response);
  }

  arrow::Result<ObjectPage> List(const std::string& prefix, bool recursive,
                                 const std::string& token) override {
    Draft draft;
    draft.action = "list";
    draft.kind = RequestKind::kList;
    // In the order that the signature wants them.
    if (!token.empty()) draft.query = "continuation-token=" + PercentEncode(token) + "&";
    if (!recursive) draft.query += "delimiter=%2F&";
    draft.query += fmt::format("list-type=2&max-keys={}&prefix={}", kListPageObjects,
                               PercentEncode(prefix));
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
    draft.key = prefix;  // For the message.
    if (response.status != 200) return Error(draft, response);
    ObjectPage page;
    for (const std::string_view entry : XmlElements(response.body, "Contents")) {
      ObjectInfo info;
      info.key = XmlText(entry, "Key").value_or("");
      const std::string size = XmlText(entry, "Size").value_or("0");
      info.size_bytes = std::strtoll(size.c_str(), nullptr, 10);
      info.modified_ms =
          ParseIsoTimeMillis(XmlText(entry, "LastModified").value_or("")).value_or(0);
      page.objects.push_back(std::move(info));
    }
    if (XmlText(response.body, "IsTruncated").value_or("") == "true") {
      page.next_token = XmlText(response.body, "NextContinuationToken").value_or("");
    }
    return page;
  }

  static Draft WriteDraft(std::string method, const std::string& key) {
    Draft draft;
    draft.method = std::move(method);
    draft.key = key;
    draft.action = "write";
    draft.kind = RequestKind::kPut;
    return draft;
  }

  static void AddCondition(WriteMode mode, Headers* headers) {
    if (mode == WriteMode::kCreate) headers->emplace_back("if-none-match", "*");
  }

  Headers ObjectHeaders(const std::string& write_id) const {
    Headers headers = {{kWriteIdHeader, write_id},
                       {"content-type", "application/octet-stream"}};
    if (!settings_.encryption.empty()) {
      headers.emplace_back("x-amz-server-side-encryption", settings_.encryption);
    }
    if (!settings_.encryption_key_id.empty()) {
      headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id",
                           settings_.encryption_key_id);
    }
    return headers;
  }

  /// Sends what makes an object appear. 412 is ours all the same where an earlier try of
  /// this write was the one that made it: looked into each time, for curl sends a request
  /// again unasked when a kept connection ends without an answer.
  arrow::Status SendWrite(const Draft& draft, const std::string& write_id,
                          WriteMode mode) {
    for (int conflicts = 0;; ++conflicts) {
      ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
      const std::string code = CodeOf(response);
      // The completion of an upload may fail behind a status of 200.
      if (response.status == 200 && XmlElements(response.body, "Error").empty()) {
        return arrow::Status::OK();
      }
      // Another create of the same key is under way: this one is to be sent again.
      if (mode == WriteMode::kCreate && response.status == 409 && conflicts < kSendsMax) {
        CountRetry();
        continue;
      }
      if (response.status == 412 || code == "NoSuchUpload") {
        ARROW_ASSIGN_OR_RAISE(const bool is_ours, WasWrittenBy(draft.key, write_id));
        if (is_ours) return arrow::Status::OK();
      }
      if (response.status == 412 && mode == WriteMode::kCreate) {
        return MakeError(ErrorCode::kAlreadyExists, "'{}' exists already",
                         Location(draft.key));
      }
      return Error(draft, response);
    }
  }

  arrow::Result<HttpResponse> Send(const Draft& draft) {
    bool has_moved = false;
    for (int sends = 1;; ++sends) {
      HttpRequest request;
      request.method = draft.method;
      request.headers = draft.headers;
      request.body = draft.body;
      request.kind = draft.kind;
      request.timeout_ms = settings_.request_timeout_ms;
      const std::string region = Region();
      request.url = Url(region, draft);
      ARROW_ASSIGN_OR_RAISE(request.aws_credentials, settings_.credentials->Get());
      request.sigv4_scope = {region, "s3"};
      auto response = settings_.http->Send(request);
      if (!response.ok()) {
        return WithStoreContext(RequestOf(draft), response.status());
      }
      if (sends < kSendsMax && !has_moved && AdoptRegion(region, *response)) {
        has_moved = true;
        CountRetry();
        continue;
      }
      return response;
    }
  }

  arrow::Status Error(const Draft& draft, const HttpResponse& response) const {
    return StoreError(RequestOf(draft), response, CodeOf(response));
  }

  std::string Location(const std::string& key) const {
    return fmt::format("{}://{}/{}", settings_.scheme, settings_.bucket, key);
  }

 private:
  arrow::Result<HttpResponse> SendHead(const std::string& key) {
    Draft draft;
    draft.key = key;
    draft.action = "look at";
    draft.kind = RequestKind::kHead;
    draft.headers.emplace_back("range", RangeHeader(0, 1));
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, Send(draft));
    if (response.status == 200 || response.status == 206 || response.status == 416) {
      return response;
    }
    return Error(draft, response);
  }

  /// For stores whose 416 does not say how large the object is.
  arrow::Result<ObjectPart> HeadForSize(const std::string& key) {
    ARROW_ASSIGN_OR_RAISE(const ObjectInfo info, Head(key));
    return ObjectPart{"", info.size_bytes};
  }

  arrow::Result<bool> WasWrittenBy(const std::string& key, const std::string& write_id) {
    auto response = SendHead(key);
    if (IsError(response.status(), ErrorCode::kNoSuchFile)) return false;
    ARROW_RETURN_NOT_OK(response.status());
    const std::string* found = response->FindHeader(kWriteIdHeader);
    return found != nullptr && *found == write_id;
  }

  std::string Region() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return region_;
  }

  /// Whether the answer says that the bucket is in another region than the one asked.
  bool AdoptRegion(const std::string& asked, const HttpResponse& response) {
    if (response.status != 301 && response.status != 307 && response.status != 400 &&
        response.status != 403) {
      return false;
    }
    std::string region;
    if (const std::string* header = response.FindHeader("x-amz-bucket-region")) {
      region = *header;
    } else {
      region = XmlText(response.body, "Region").value_or("");
    }
    if (region.empty() || region == asked) return false;
    std::lock_guard<std::mutex> lock(mutex_);
    region_ = region;
    return true;
  }

  std::string Url(const std::string& region, const Draft& draft) const {
    std::string endpoint = settings_.endpoint;
    const std::string& bucket = settings_.bucket;
    // A dot in the name would not fit the certificate of *.s3.region.amazonaws.com.
    bool is_virtual = settings_.uses_virtual_addressing;
    if (endpoint.empty()) {
      const std::string_view suffix = region.starts_with("cn-") ? ".cn" : "";
      endpoint = fmt::format("https://s3.{}.amazonaws.com{}", region, suffix);
      is_virtual = bucket.find('.') == std::string::npos;
    }
    if (is_virtual) {
      endpoint.insert(endpoint.find("://") + 3, bucket + ".");
    } else {
      endpoint += "/" + bucket;
    }
    std::string url = endpoint + "/" + EncodeKey(draft.key);
    if (!draft.query.empty()) url += "?" + draft.query;
    return url;
  }

  StoreRequest RequestOf(const Draft& draft) const {
    StoreRequest request;
    request.action = draft.action;
    request.location = Location(draft.key);
    request.bucket = fmt::format("bucket '{}'", settings_.bucket);
    request.endpoint = settings_.endpoint.empty()
                           ? fmt::format("Amazon S3 in {}", Region())
                           : HostOfUrl(settings_.endpoint);
    request.credentials = settings_.credentials->origin();
    return request;
  }

  const S3Settings settings_;
  mutable std::mutex mutex_;
  std::string region_;
};

class S3Upload final : public ObjectUpload {
 public:
  S3Upload(std::shared_ptr<S3Store> store, std::string key, std::string upload_id,
           std::string write_id, WriteMode mode)
      : store_(std::move(store)),
        key_(std::move(key)),
        upload_id_(std::move(upload_id)),
        write_id_(std::move(write_id)),
        mode_(mode) {}

  int parallel_parts_max() const override { return kParallelParts; }

  arrow::Status PutPart(int number, std::string bytes) override {
    Draft draft = S3Store::WriteDraft("PUT", key_);
    draft.query =
        fmt::format("partNumber={}&uploadId={}", number + 1, PercentEncode(upload_id_));
    draft.body = std::move(bytes);
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, store_->Send(draft));
    const std::string* tag = response.FindHeader("etag");
    if (response.status != 200 || tag == nullptr) return store_->Error(draft, response);
    std::lock_guard<std::mutex> lock(mutex_);
    const auto index = static_cast<size_t>(number);
    if (tags_.size() <= index) tags_.resize(index + 1);
    tags_[index] = *tag;
    return arrow::Status::OK();
  }

  arrow::Status Complete() override {
    Draft draft = S3Store::WriteDraft("POST", key_);
    draft.query = "uploadId=" + PercentEncode(upload_id_);
    draft.headers.emplace_back("content-type", "application/xml");
    S3Store::AddCondition(mode_, &draft.headers);
    draft.body = "<CompleteMultipartUpload>";
    for (size_t i = 0; i < tags_.size(); ++i) {
      draft.body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>",
                                i + 1, XmlEscape(tags_[i]));
    }
    draft.body += "</CompleteMultipartUpload>";
    return store_->SendWrite(draft, write_id_, mode_);
  }

  arrow::Status Abort() override {
    Draft draft = S3Store::WriteDraft("DELETE", key_);
    draft.query = "uploadId=" + PercentEncode(upload_id_);
    draft.kind = RequestKind::kDelete;
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, store_->Send(draft));
    if (response.status == 204 || response.status == 200 || response.status == 404) {
      return arrow::Status::OK();
    }
    return store_->Error(draft, response);
  }

 private:
  const std::shared_ptr<S3Store> store_;
  const std::string key_;
  const std::string upload_id_;
  const std::string write_id_;
  const WriteMode mode_;
  std::mutex mutex_;
  std::vector<std::string> tags_;
};

arrow::Result<std::unique_ptr<ObjectUpload>> S3Store::StartUpload(const std::string& key,
                                                                  WriteMode mode) {
  const std::string write_id = NewUuid(*settings_.random);
  Draft draft = WriteDraft("POST", key);
  draft.query = "uploads=";
  draft.headers = ObjectHeaders(write_id);
  ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
  const auto upload_id = XmlText(response.body, "UploadId");
  if (response.status != 200 || !upload_id.has_value()) return Error(draft, response);
  return std::make_unique<S3Upload>(shared_from_this(), key, *upload_id, write_id, mode);
}

/// With the scheme it is to be reached by, and without a slash at the end.
std::string CompleteEndpoint(std::string endpoint) {
  if (endpoint.find("://") == std::string::npos) endpoint = "https://" + endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

}  // namespace

arrow::Result<S3Settings> ReadS3Settings(
    const std::map<std::string, std::string>& properties) {
  const PropertyReader reader(properties);
  S3Settings settings;
  ARROW_ASSIGN_OR_RAISE(const bool signs_remotely,
                        reader.Bool("s3.remote-signing-enabled", false));
  if (signs_remotely) {
    return MakeError(
        ErrorCode::kNotSupported,
        "'s3.remote-signing-enabled' is true, but Floe signs requests itself; "
        "let the catalog vend credentials, or set s3.access-key-id");
  }
  std::string endpoint = reader.Text("s3.endpoint").value_or("");
  for (const char* variable : {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}) {
    if (endpoint.empty()) endpoint = GetEnv(variable).value_or("");
  }
  if (!endpoint.empty()) settings.endpoint = CompleteEndpoint(std::move(endpoint));
  ARROW_ASSIGN_OR_RAISE(settings.region, AwsRegion(properties));
  ARROW_ASSIGN_OR_RAISE(settings.uses_virtual_addressing,
                        reader.Bool("s3.force-virtual-addressing", false));
  ARROW_ASSIGN_OR_RAISE(
      settings.request_timeout_ms,
      reader.SecondsAsMillis("s3.request-timeout", HttpRequest::kDefaultTimeoutMs));
  settings.encryption = reader.Text("s3.server-side-encryption").value_or("");
  settings.encryption_key_id = reader.Text("s3.sse-kms-key-id").value_or("");
  return settings;
}

std::shared_ptr<ObjectStore> MakeS3Store(S3Settings settings) {
  return std::make_shared<S3Store>(std::move(settings));
}

}  // namespace floe
