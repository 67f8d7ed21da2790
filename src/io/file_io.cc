#include "io/file_io.h"

#include "arrow/buffer.h"
#include "base/error.h"
#include "io/object_location.h"

namespace floe {
namespace {

constexpr std::string_view kFileScheme = "file";

}  // namespace

arrow::Result<std::string> FileIO::ReadAll(const std::string& location, int64_t max_bytes,
                                           int64_t size_bytes) const {
  ARROW_ASSIGN_OR_RAISE(auto input, OpenInput(location, size_bytes));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, input->GetSize());
  if (size > max_bytes) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "'{}' has {} bytes, more than the limit of {} for reading it whole",
                     location, size, max_bytes);
  }
  std::string bytes(static_cast<size_t>(size), '\0');
  int64_t done = 0;
  while (done < size) {
    ARROW_ASSIGN_OR_RAISE(const int64_t read,
                          input->ReadAt(done, size - done, true, bytes.data() + done));
    if (read <= 0) {
      return MakeError(ErrorCode::kIo, "'{}' ended after {} of {} bytes", location, done,
                       size);
    }
    done += read;
  }
  return bytes;
}

arrow::Status FileIO::Write(const std::string& location, std::string_view bytes,
                            WriteMode mode) {
  ARROW_ASSIGN_OR_RAISE(auto output, OpenOutput(location, mode));
  arrow::Status status = output->Write(bytes.data(), static_cast<int64_t>(bytes.size()));
  if (!status.ok()) {
    // The failure of the write is the one to report; the abort only tidies up.
    static_cast<void>(output->Abort());
    return status;
  }
  return output->Close();
}

arrow::Result<std::string> LocalPath(std::string_view location) {
  const std::string scheme = SchemeOf(location);
  if (scheme.empty()) {
    if (location.empty()) {
      return MakeError(ErrorCode::kInvalidArgument, "the location of a file is empty");
    }
    return std::string(location);
  }
  if (scheme != kFileScheme) {
    return MakeError(ErrorCode::kNotSupported,
                     "'{}' has the scheme '{}'; supported are plain paths, file:, "
                     "s3:, gs:, abfss: and their kin",
                     location, scheme);
  }
  std::string_view path = location.substr(kFileScheme.size() + 1);
  if (path.substr(0, 2) == "//") {
    path.remove_prefix(2);
    const size_t slash = path.find('/');
    const std::string_view host = path.substr(0, slash);
    if (!host.empty() && host != "localhost") {
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' names the host '{}'; write a local path as 'file:///path'",
                       location, host);
    }
    path.remove_prefix(host.size());
  }
  if (path.empty() || path[0] != '/') {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' has no absolute path; write it as 'file:///path'", location);
  }
  // "file:////x" and "file:///x" are the same file.
  while (path.size() > 1 && path[1] == '/') path.remove_prefix(1);
  return std::string(path);
}

std::string JoinLocation(std::string_view folder, std::string_view name) {
  while (!folder.empty() && folder.back() == '/') folder.remove_suffix(1);
  while (!name.empty() && name.front() == '/') name.remove_prefix(1);
  return std::string(folder) + "/" + std::string(name);
}

}  // namespace floe
