#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "io/file_io.h"

namespace floe {

/// Bytes of an object, and how large all of it is.
struct ObjectPart {
  std::string bytes;
  int64_t object_size_bytes = 0;
};

struct ObjectInfo {
  std::string key;
  int64_t size_bytes = 0;
  int64_t modified_ms = 0;  ///< Milliseconds since the epoch.
};

/// Some of a listing, in the order of the keys' bytes.
struct ObjectPage {
  std::vector<ObjectInfo> objects;
  std::string next_token;  ///< Empty: that was all.
};

/// An object that is sent in parts and appears under its key when Complete succeeds.
/// Dropped without Complete or Abort it leaves parts that the store keeps until they are
/// cleared by its own rules.
class ObjectUpload {
 public:
  virtual ~ObjectUpload() = default;

  /// Parts are numbered from 0. Parts but the last hold a multiple of 256 KiB, at least
  /// 5 MiB. Calls at the same time are for different numbers, at most
  /// `parallel_parts_max()` of them; with 1, in ascending order.
  virtual arrow::Status PutPart(int number, std::string bytes) = 0;
  virtual int parallel_parts_max() const = 0;

  /// kAlreadyExists when the object had to be new and is not.
  virtual arrow::Status Complete() = 0;
  virtual arrow::Status Abort() = 0;
};

/// The objects of one bucket (a container, at Azure) by key. Requests are tried again as
/// HttpClient says. Errors name the object as a location: kNoSuchFile, kInvalidConfig
/// where there is no such bucket, kNotAuthorized, kThrottled, kServiceUnavailable,
/// kDeadlineExceeded. Thread-safe.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Bytes [begin, begin + length) or what there is of them; none at the end of it.
  virtual arrow::Result<ObjectPart> Get(const std::string& key, int64_t begin,
                                        int64_t length) = 0;

  virtual arrow::Result<ObjectInfo> Head(const std::string& key) = 0;

  virtual arrow::Status Put(const std::string& key, std::string bytes,
                            WriteMode mode) = 0;

  virtual arrow::Result<std::unique_ptr<ObjectUpload>> StartUpload(const std::string& key,
                                                                   WriteMode mode) = 0;

  /// kNoSuchFile where the store says so; S3 does not.
  virtual arrow::Status Delete(const std::string& key) = 0;

  /// Objects whose key starts with `prefix`; unless `recursive` only those without a
  /// further '/' behind it. `token`: that of the page before, or "".
  virtual arrow::Result<ObjectPage> List(const std::string& prefix, bool recursive,
                                         const std::string& token) = 0;
};

}  // namespace floe
