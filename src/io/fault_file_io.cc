#include "io/fault_file_io.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "arrow/buffer.h"
#include "base/error.h"

namespace floe {
namespace {

constexpr int kOperationCount = static_cast<int>(FaultFileIO::Operation::kList) + 1;

}  // namespace

/// Counts operations and asks the hook.
class FaultFileIO::Gate {
 public:
  explicit Gate(Hook hook) : hook_(std::move(hook)) {}
  arrow::Status Pass(Operation operation, const std::string& location) {
    const int64_t count = ++counts_[static_cast<size_t>(operation)];
    return hook_ ? hook_(operation, location, count) : arrow::Status::OK();
  }

  /// An input whose reads pass the gate.
  class Input final : public arrow::io::RandomAccessFile {
   public:
    Input(std::shared_ptr<arrow::io::RandomAccessFile> base, std::shared_ptr<Gate> gate,
          std::string location, int64_t max_read_bytes)
        : base_(std::move(base)),
          gate_(std::move(gate)),
          location_(std::move(location)),
          max_read_bytes_(max_read_bytes) {}
    arrow::Status Close() override { return base_->Close(); }
    bool closed() const override { return base_->closed(); }
    arrow::Result<int64_t> Tell() const override { return base_->Tell(); }
    arrow::Status Seek(int64_t position) override { return base_->Seek(position); }
    arrow::Result<int64_t> GetSize() override { return base_->GetSize(); }
    arrow::Result<int64_t> Read(int64_t size, void* out) override {
      ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kRead, location_));
      return base_->Read(Limited(size), out);
    }
    arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
      ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kRead, location_));
      return base_->Read(Limited(size));
    }
    arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, bool allow_short,
                                  void* out) override {
      ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kRead, location_));
      return base_->ReadAt(position, Limited(size), allow_short, out);
    }
    arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override {
      return ReadAt(position, size, true, out);
    }
    arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size,
                                                         bool allow_short) override {
      ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kRead, location_));
      return base_->ReadAt(position, Limited(size), allow_short);
    }
    arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position,
                                                         int64_t size) override {
      return ReadAt(position, size, true);
    }

   private:
    int64_t Limited(int64_t size) const {
      return max_read_bytes_ > 0 ? std::min(size, max_read_bytes_) : size;
    }
    std::shared_ptr<arrow::io::RandomAccessFile> base_;
    std::shared_ptr<Gate> gate_;
    std::string location_;
    int64_t max_read_bytes_;
  };

  /// An output whose writes and close pass the gate.
  class Output final : public arrow::io::OutputStream {
   public:
    Output(std::shared_ptr<arrow::io::OutputStream> base, std::shared_ptr<Gate> gate,
           std::string location)
        : base_(std::move(base)),
          gate_(std::move(gate)),
          location_(std::move(location)) {}
    arrow::Status Write(const void* data, int64_t size) override {
      ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kWrite, location_));
      return base_->Write(data, size);
    }
    arrow::Status Close() override {
      if (base_->closed()) return arrow::Status::OK();
      arrow::Status status = gate_->Pass(Operation::kClose, location_);
      if (!status.ok()) {
        static_cast<void>(base_->Abort());
        return status;
      }
      ARROW_RETURN_NOT_OK(base_->Close());
      return gate_->Pass(Operation::kAfterClose, location_);
    }
    arrow::Status Abort() override { return base_->Abort(); }
    bool closed() const override { return base_->closed(); }
    arrow::Result<int64_t> Tell() const override { return base_->Tell(); }

   private:
    std::shared_ptr<arrow::io::OutputStream> base_;
    std::shared_ptr<Gate> gate_;
    std::string location_;
  };

 private:
  Hook hook_;
  std::array<std::atomic<int64_t>, kOperationCount> counts_{};
};

FaultFileIO::FaultFileIO(std::shared_ptr<FileIO> base, Hook hook)
    : base_(std::move(base)), gate_(std::make_shared<Gate>(std::move(hook))) {}

FaultFileIO::Hook FaultFileIO::FailNth(Operation operation, int64_t count) {
  return [operation, count](Operation seen, const std::string& location, int64_t nth) {
    if (seen != operation || nth != count) return arrow::Status::OK();
    return MakeError(ErrorCode::kIo, "injected fault at '{}'", location);
  };
}

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> FaultFileIO::OpenInput(
    const std::string& location, int64_t size_bytes) const {
  ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kOpenInput, location));
  ARROW_ASSIGN_OR_RAISE(auto input, base_->OpenInput(location, size_bytes));
  return std::make_shared<Gate::Input>(std::move(input), gate_, location,
                                       max_read_bytes_);
}

arrow::Result<std::shared_ptr<arrow::io::OutputStream>> FaultFileIO::OpenOutput(
    const std::string& location, WriteMode mode) {
  ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kOpenOutput, location));
  ARROW_ASSIGN_OR_RAISE(auto output, base_->OpenOutput(location, mode));
  return std::make_shared<Gate::Output>(std::move(output), gate_, location);
}

arrow::Result<bool> FaultFileIO::Exists(const std::string& location) const {
  ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kExists, location));
  return base_->Exists(location);
}

arrow::Result<int64_t> FaultFileIO::FileSize(const std::string& location) const {
  ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kFileSize, location));
  return base_->FileSize(location);
}

arrow::Status FaultFileIO::Delete(const std::string& location) {
  ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kDelete, location));
  return base_->Delete(location);
}

arrow::Result<std::vector<FileEntry>> FaultFileIO::List(const std::string& location,
                                                        bool recursive) const {
  ARROW_RETURN_NOT_OK(gate_->Pass(Operation::kList, location));
  return base_->List(location, recursive);
}

}  // namespace floe
