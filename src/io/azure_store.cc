#include "io/azure_store.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "io/base64_text.h"
#include "io/iso_time.h"
#include "io/store_error.h"
#include "io/xml_text.h"

namespace floe {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Understood by Azurite as well.
constexpr char kApiVersion[] = "2021-08-06";
/// Marks an object with the write that made it, so that a write whose answer was lost is
/// known again.
constexpr char kWriteIdHeader[] = "x-ms-meta-floe_write";
constexpr int kListPageObjects = 5000;
constexpr int kParallelParts = 4;

struct Draft {
  std::string method = "GET";
  std::string key;
  Pairs query;  ///< Not encoded.
  Pairs headers;
  std::string body;
  std::string_view action = "read";
  RequestKind kind = RequestKind::kGet;
};

std::string CodeOf(const HttpResponse& response) {
  const std::string* header = response.FindHeader("x-ms-error-code");
  return header != nullptr ? *header : XmlText(response.body, "Code").value_or("");
}

int64_t IntegerOf(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

class AzureStore final : public ObjectStore,
                         public std::enable_shared_from_this<AzureStore> {
 public:
  explicit AzureStore(AzureSettings settings) : settings_(std::move(settings)) {}

  arrow::Result<ObjectPart> Get(const std::string& key, int64_t begin,
                                int64_t length) override {
    Draft draft;
    draft.key = key;
    draft.headers.emplace_back("x-ms-range",
                               RangeHeader(begin, std::max<int64_t>(length, 1)));
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
    return Error(draft, response);
  }

  arrow::Result<ObjectInfo> Head(const std::string& key) override {
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, SendHead(key));
    ObjectInfo info;
    info.key = key;
    if (const std::string* length = response.FindHeader("content-length")) {
      info.size_bytes = IntegerOf(*length);
    }
    if (const std::string* modified = response.FindHeader("last-modified")) {
      info.modified_ms = ParseHttpDateMillis(*modified).value_or(0);
    }
    return info;
  }

  arrow::Status Put(const std::string& key, std::string bytes, WriteMode mode) override {
    const std::string write_id = NewUuid(*settings_.random);
    Draft draft = WriteDraft(key);
    draft.headers = {{"x-ms-blob-type", "BlockBlob"},
                     {"content-type", "application/octet-stream"},
                     {kWriteIdHeader, write_id}};
    AddCondition(mode, &draft.headers);
    draft.body = std::move(bytes);
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
    return FinishWrite(draft, response, write_id);
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
    if (response.status == 202 || response.status == 200) return arrow::Status::OK();
    if (response.status == 404 && response.is_perhaps_repeated &&
        CodeOf(response) == "BlobNotFound") {
      return arrow::Status::OK();
    }
    return Error(draft, response);
  }

  arrow::Result<ObjectPage> List(const std::string& prefix, bool recursive,
                                 const std::string& token) override {
    Draft draft;
    draft.action = "list";
    draft.kind = RequestKind::kList;
    draft.query = {{"comp", "list"},
                   {"include", "metadata"},
                   {"maxresults", fmt::to_string(kListPageObjects)},
                   {"restype", "container"}};
    if (!prefix.empty()) draft.query.emplace_back("prefix", prefix);
    if (!recursive) draft.query.emplace_back("delimiter", "/");
    if (!token.empty()) draft.query.emplace_back("marker", token);
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, Send(draft));
    draft.key = prefix;  // For the message.
    if (response.status != 200) return Error(draft, response);
    ObjectPage page;
    for (const std::string_view entry : XmlElements(response.body, "Blob")) {
      // Accounts with folders list them among the objects.
      if (XmlText(entry, "hdi_isfolder").value_or("") == "true" ||
          XmlText(entry, "ResourceType").value_or("") == "directory") {
        continue;
      }
      ObjectInfo info;
      info.key = XmlText(entry, "Name").value_or("");
      info.size_bytes = IntegerOf(XmlText(entry, "Content-Length").value_or("0"));
      info.modified_ms =
          ParseHttpDateMillis(XmlText(entry, "Last-Modified").value_or("")).value_or(0);
      page.objects.push_back(std::move(info));
    }
    page.next_token = XmlText(response.body, "NextMarker").value_or("");
    return page;
  }

  static Draft WriteDraft(const std::string& key) {
    Draft draft;
    draft.method = "PUT";
    draft.key = key;
    draft.action = "write";
    draft.kind = RequestKind::kPut;
    return draft;
  }

  static void AddCondition(WriteMode mode, Pairs* headers) {
    if (mode == WriteMode::kCreate) headers->emplace_back("if-none-match", "*");
  }

  /// What says "exists already" is ours all the same where an earlier try of this write
  /// made the object: looked into each time, for curl sends a request again unasked when
  /// a kept connection ends without an answer.
  arrow::Status FinishWrite(const Draft& draft, const HttpResponse& response,
                            const std::string& write_id) {
    if (response.status == 201) return arrow::Status::OK();
    const std::string code = CodeOf(response);
    const bool is_taken = response.status == 412 || code == "BlobAlreadyExists";
    // A repeated completion of an upload finds its parts used up.
    if (is_taken || code == "InvalidBlockList") {
      ARROW_ASSIGN_OR_RAISE(const bool is_ours, WasWrittenBy(draft.key, write_id));
      if (is_ours) return arrow::Status::OK();
    }
    if (is_taken) {
      return MakeError(ErrorCode::kAlreadyExists, "'{}' exists already",
                       Location(draft.key));
    }
    return Error(draft, response);
  }

  arrow::Result<HttpResponse> Send(const Draft& draft) {
    const AzureCredentials& credentials = *settings_.credentials;
    HttpRequest request;
    request.method = draft.method;
    request.headers = draft.headers;
    request.headers.emplace_back("x-ms-version", kApiVersion);
    request.headers.emplace_back("x-ms-date", HttpDate(settings_.clock->NowMillis()));
    request.body = draft.body;
    request.kind = draft.kind;
    request.url = settings_.account_url + "/" + PercentEncode(settings_.container);
    if (!draft.key.empty()) request.url += "/" + EncodeKey(draft.key);
    const size_t path = request.url.find('/', request.url.find("://") + 3);
    const std::string encoded_path = request.url.substr(path);
    char separator = '?';
    for (const auto& [name, value] : draft.query) {
      request.url += separator + name + "=" + PercentEncode(value);
      separator = '&';
    }
    if (!credentials.signature.empty()) request.url += separator + credentials.signature;
    if (!credentials.shared_key.empty()) {
      request.headers.emplace_back(
          "authorization",
          SignSharedKey(credentials, draft.method, encoded_path, draft.query,
                        request.headers, draft.body.size()));
    }
    if (credentials.token != nullptr) {
      ARROW_ASSIGN_OR_RAISE(const auto token, credentials.token->Get());
      if (token.has_value()) {
        request.headers.emplace_back("authorization", "Bearer " + *token);
      }
    }
    auto response = settings_.http->Send(request);
    if (!response.ok()) return WithStoreContext(RequestOf(draft), response.status());
    return response;
  }

  arrow::Status Error(const Draft& draft, const HttpResponse& response) const {
    return StoreError(RequestOf(draft), response, CodeOf(response));
  }

 private:
  arrow::Result<HttpResponse> SendHead(const std::string& key) {
    Draft draft;
    draft.method = "HEAD";
    draft.key = key;
    draft.action = "look at";
    draft.kind = RequestKind::kHead;
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, Send(draft));
    if (response.status != 200) return Error(draft, response);
    return response;
  }

  arrow::Result<bool> WasWrittenBy(const std::string& key, const std::string& write_id) {
    auto response = SendHead(key);
    if (IsError(response.status(), ErrorCode::kNoSuchFile)) return false;
    ARROW_RETURN_NOT_OK(response.status());
    const std::string* found = response->FindHeader(kWriteIdHeader);
    return found != nullptr && *found == write_id;
  }

  std::string Location(const std::string& key) const {
    return settings_.location_prefix + key;
  }

  StoreRequest RequestOf(const Draft& draft) const {
    StoreRequest request;
    request.action = draft.action;
    request.location = Location(draft.key);
    request.bucket = fmt::format("container '{}'", settings_.container);
    request.endpoint = HostOfUrl(settings_.account_url);
    request.credentials = settings_.credentials->origin;
    return request;
  }

  const AzureSettings settings_;
};

/// Blocks, and the list of them that makes the object.
class AzureUpload final : public ObjectUpload {
 public:
  AzureUpload(std::shared_ptr<AzureStore> store, std::string key, std::string write_id,
              WriteMode mode)
      : store_(std::move(store)),
        key_(std::move(key)),
        write_id_(std::move(write_id)),
        mode_(mode) {}

  int parallel_parts_max() const override { return kParallelParts; }

  arrow::Status PutPart(int number, std::string bytes) override {
    Draft draft = AzureStore::WriteDraft(key_);
    draft.query = {{"blockid", BlockId(number)}, {"comp", "block"}};
    draft.body = std::move(bytes);
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, store_->Send(draft));
    if (response.status != 201) return store_->Error(draft, response);
    std::lock_guard<std::mutex> lock(mutex_);
    part_count_ = std::max(part_count_, number + 1);
    return arrow::Status::OK();
  }

  arrow::Status Complete() override {
    Draft draft = AzureStore::WriteDraft(key_);
    draft.query = {{"comp", "blocklist"}};
    draft.headers = {{"content-type", "application/xml"},
                     {"x-ms-blob-content-type", "application/octet-stream"},
                     {kWriteIdHeader, write_id_}};
    AzureStore::AddCondition(mode_, &draft.headers);
    draft.body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
    for (int i = 0; i < part_count_; ++i) {
      draft.body += "<Uncommitted>" + BlockId(i) + "</Uncommitted>";
    }
    draft.body += "</BlockList>";
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, store_->Send(draft));
    return store_->FinishWrite(draft, response, write_id_);
  }

  /// Azure drops blocks without a list by itself, after a week.
  arrow::Status Abort() override { return arrow::Status::OK(); }

 private:
  /// Of one length for all, as Azure demands; of this write alone, so that two writers of
  /// one object do not mix their parts.
  std::string BlockId(int number) const {
    return Base64Encode(fmt::format("{}-{:06}", write_id_, number));
  }

  const std::shared_ptr<AzureStore> store_;
  const std::string key_;
  const std::string write_id_;
  const WriteMode mode_;
  std::mutex mutex_;
  int part_count_ = 0;
};

arrow::Result<std::unique_ptr<ObjectUpload>> AzureStore::StartUpload(
    const std::string& key, WriteMode mode) {
  return std::make_unique<AzureUpload>(shared_from_this(), key,
                                       NewUuid(*settings_.random), mode);
}

}  // namespace

std::shared_ptr<ObjectStore> MakeAzureStore(AzureSettings settings) {
  return std::make_shared<AzureStore>(std::move(settings));
}

}  // namespace floe
