#pragma once

#include <map>
#include <memory>

#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/partition_spec.h"

namespace floe::iceberg {

/// A bound predicate that holds for every row for which `bound` does not, NULL and NaN
/// included, and possibly for a few more.
PredicatePtr Complement(const PredicatePtr& bound);

/// Answers for whole files of one partition spec whether any or all of their rows match.
/// Immutable.
class FileMatcher {
 public:
  /// `bound` is bound to `schema`.
  static arrow::Result<FileMatcher> Make(const PredicatePtr& bound, const Schema& schema,
                                         const PartitionSpec& spec);

  bool ManifestMayMatch(const ManifestFile& manifest) const;
  /// Never false where a row matches.
  bool MayMatch(const DataFile& file) const;
  /// Never true where a row does not match (the strict evaluators of the Java reference).
  bool MustMatch(const DataFile& file) const;

 private:
  std::map<int32_t, Literal> IdentityValues(const DataFile& file) const;

  PredicatePtr bound_;
  PredicatePtr complement_;
  PredicatePtr projected_;
  PredicatePtr projected_complement_;
  std::shared_ptr<const PartitionSpec> spec_;
  TypePtr partition_type_;
};

}  // namespace floe::iceberg
