#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "base/error.h"

namespace floe::capi {

/// A JSON object of a request, read strictly: a key that is not among those expected is
/// an error naming it and the nearest known one; so are a missing key and a value of
/// another type. A key whose value is null counts as left out. Copies share the parsed
/// document.
class Request {
 public:
  /// Parses `text`; NULL is an empty object. `where` is for messages, e.g. "the scan
  /// options". Errors have the code `code`.
  static arrow::Result<Request> Parse(const char* text, std::string where,
                                      std::vector<std::string> keys,
                                      ErrorCode code = ErrorCode::kInvalidArgument);

  bool Has(const std::string& key) const { return Find(key) != nullptr; }

  arrow::Result<std::string> Text(const std::string& key) const;
  arrow::Result<std::optional<std::string>> FindText(const std::string& key) const;
  arrow::Result<std::string> TextOr(const std::string& key, std::string fallback) const;
  arrow::Result<std::optional<int64_t>> FindInteger(const std::string& key) const;
  /// Within [min, max], else an error that says so.
  arrow::Result<int64_t> IntegerOr(
      const std::string& key, int64_t fallback,
      int64_t min = std::numeric_limits<int64_t>::min(),
      int64_t max = std::numeric_limits<int64_t>::max()) const;
  arrow::Result<bool> BooleanOr(const std::string& key, bool fallback) const;
  arrow::Result<std::vector<std::string>> Texts(const std::string& key) const;
  arrow::Result<std::optional<std::vector<std::string>>> FindTexts(
      const std::string& key) const;
  /// {text: text}; empty when left out.
  arrow::Result<std::map<std::string, std::string>> TextMap(const std::string& key) const;
  arrow::Result<Request> Object(const std::string& key,
                                std::vector<std::string> keys) const;
  /// As Object; an object without members when left out.
  arrow::Result<Request> ObjectOrEmpty(const std::string& key,
                                       std::vector<std::string> keys) const;
  /// A list of objects; empty when left out.
  arrow::Result<std::vector<Request>> Objects(const std::string& key,
                                              std::vector<std::string> keys) const;

  const std::string& where() const { return where_; }

 private:
  Request(std::shared_ptr<const nlohmann::json> document, const nlohmann::json* object,
          std::string where, ErrorCode code)
      : document_(std::move(document)),
        object_(object),
        where_(std::move(where)),
        code_(code) {}
  arrow::Result<Request> Child(const nlohmann::json* value, std::string where,
                               const std::vector<std::string>& keys) const;
  const nlohmann::json* Find(const std::string& key) const;
  arrow::Result<const nlohmann::json*> Get(const std::string& key) const;
  arrow::Status WrongType(const std::string& key, const char* expected) const;
  arrow::Status CheckKeys(const std::vector<std::string>& keys) const;
  arrow::Result<std::vector<std::string>> ToTexts(const std::string& key,
                                                  const nlohmann::json& value) const;

  std::shared_ptr<const nlohmann::json> document_;
  const nlohmann::json* object_;
  std::string where_;
  ErrorCode code_;
};

}  // namespace floe::capi
