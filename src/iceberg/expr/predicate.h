#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {

/// A filter over rows. Immutable and shared. Unbound predicates name columns; bound ones
/// (Bind) hold field ids and literals of the field's type, with NOT pushed down to the
/// leaves. A comparison with NULL is never true.
class Predicate {
 public:
  enum class Op {
    kTrue,
    kFalse,
    kAnd,
    kOr,
    kNot,
    kIsNull,
    kNotNull,
    kIsNan,
    kNotNan,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kEqual,
    kNotEqual,
    kIn,
    kNotIn,
    kStartsWith,
    kNotStartsWith,
  };
  using Ptr = std::shared_ptr<const Predicate>;

  static Ptr True();
  static Ptr False();
  static Ptr And(Ptr left, Ptr right);
  static Ptr Or(Ptr left, Ptr right);
  static Ptr Not(Ptr child);
  /// kIsNull, kNotNull, kIsNan or kNotNan of a column.
  static Ptr Unary(Op op, std::string column);
  /// A comparison or starts-with of a column with one literal.
  static Ptr Compare(Op op, std::string column, Literal literal);
  /// kIn or kNotIn; literals are kept sorted and distinct once bound.
  static Ptr Set(Op op, std::string column, std::vector<Literal> literals);

  Op op() const { return op_; }
  const std::vector<Ptr>& children() const { return children_; }
  const std::string& column() const { return column_; }
  /// Of a bound leaf; 0 before.
  int32_t field_id() const { return field_id_; }
  const TypePtr& type() const { return type_; }
  const std::vector<Literal>& literals() const { return literals_; }
  bool is_bound() const { return is_bound_; }

  std::string ToString() const;

 private:
  friend class BoundPredicate;
  Predicate() = default;

  Op op_ = Op::kTrue;
  std::vector<Ptr> children_;
  std::string column_;
  int32_t field_id_ = 0;
  TypePtr type_;
  std::vector<Literal> literals_;
  bool is_bound_ = false;
};

using PredicatePtr = Predicate::Ptr;

/// Resolves columns and casts literals. kNoSuchColumn or kInvalidArgument names the
/// column, the literal and the type. Columns inside lists and maps cannot be filtered on.
///
/// Three-valued logic: a comparison with NULL is never true, nor is its negation. NaN is
/// not less, greater or equal to anything (so it is != everything, and NOT (x < 1) holds
/// for it); IS NAN of NULL is false, IS NOT NAN of NULL true. 0.0 equals -0.0.
arrow::Result<PredicatePtr> Bind(const PredicatePtr& predicate, const Schema& schema);

/// Ids of all fields a bound predicate looks at, sorted and distinct.
std::vector<int32_t> ReferencedFieldIds(const Predicate& bound);

/// Parses SQL-like text: `a >= 3 AND (b IN ('x', 'y') OR c IS NOT NULL)`, `NOT`,
/// `BETWEEN`, `LIKE 'prefix%'`, `IS NAN`, quoted "odd names", `timestamp '2026-11-22
/// 10:00:00'` or a plain string for times. kInvalidArgument points at the position.
arrow::Result<PredicatePtr> ParsePredicate(std::string_view text);

}  // namespace floe::iceberg
