#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <random>

#include "arrow/array.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/util.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/expr/arrow_literal.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/expr/predicate.h"

namespace floe::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Op = Predicate::Op;
using Rng = std::mt19937_64;
using Row = std::vector<Literal>;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

SchemaPtr TestSchema() {
  return Unwrap(Schema::Make({NestedField::Optional(1, "i", Type::Int()),
                              NestedField::Optional(2, "l", Type::Long()),
                              NestedField::Optional(3, "d", Type::Double()),
                              NestedField::Optional(4, "s", Type::String()),
                              NestedField::Optional(5, "ts", Type::TimestampTz()),
                              NestedField::Optional(6, "day", Type::Date()),
                              NestedField::Optional(7, "b", Type::Boolean()),
                              NestedField::Optional(8, "m", Type::Decimal(9, 2)),
                              NestedField::Optional(9, "f", Type::Float())}));
}

int64_t Below(Rng& rng, int64_t end) {
  return static_cast<int64_t>(rng() % static_cast<uint64_t>(end));
}

constexpr int64_t kHour = int64_t{3600} * 1'000'000;

/// A value of few distinct ones, among them the awkward.
Literal RandomValue(const TypePtr& type, Rng& rng, bool allow_nan) {
  const int64_t n = Below(rng, 13) - 6;
  switch (type->id()) {
    case TypeId::kBoolean:
      return Literal(type, n > 0);
    case TypeId::kInt:
      return Literal(type, n == 6    ? std::numeric_limits<int32_t>::max()
                           : n == -6 ? std::numeric_limits<int32_t>::min()
                                     : static_cast<int32_t>(n));
    case TypeId::kDate:
      return Literal(type, static_cast<int32_t>(n * 20));
    case TypeId::kLong:
      return Literal(type, n == 6    ? std::numeric_limits<int64_t>::max()
                           : n == -6 ? std::numeric_limits<int64_t>::min()
                                     : n);
    case TypeId::kTimestampTz:
      return Literal(type, n * 7 * kHour + Below(rng, 3) - 1);
    case TypeId::kDecimal:
      return Literal(type, arrow::Decimal128(n * 37));
    case TypeId::kFloat:
    case TypeId::kDouble: {
      double value =
          n == 0 ? (Below(rng, 2) == 0 ? 0.0 : -0.0) : static_cast<double>(n) / 2;
      if (allow_nan && n == 5) value = std::nan("");
      if (n == 6) value = std::numeric_limits<double>::infinity();
      return type->id() == TypeId::kFloat ? Literal(type, static_cast<float>(value))
                                          : Literal(type, value);
    }
    default: {
      static const char* const kTexts[] = {"",
                                           "a",
                                           "ab",
                                           "abc",
                                           "abcd",
                                           "b",
                                           "\xC3\xA9",
                                           "\xC3\xA9"
                                           "a",
                                           "zz"};
      return Literal(type, std::string(kTexts[Below(rng, 9)]));
    }
  }
}

Row RandomRow(const Schema& schema, Rng& rng) {
  Row row;
  for (const NestedField& field : schema.fields()) {
    row.push_back(Below(rng, 6) == 0 ? Literal::Null(field.type)
                                     : RandomValue(field.type, rng, true));
  }
  return row;
}

PredicatePtr RandomPredicate(const Schema& schema, Rng& rng, int depth) {
  if (depth > 0 && Below(rng, 3) > 0) {
    auto left = RandomPredicate(schema, rng, depth - 1);
    switch (Below(rng, 3)) {
      case 0:
        return Predicate::And(left, RandomPredicate(schema, rng, depth - 1));
      case 1:
        return Predicate::Or(left, RandomPredicate(schema, rng, depth - 1));
      default:
        return Predicate::Not(left);
    }
  }
  const NestedField& field = schema.fields()[static_cast<size_t>(
      Below(rng, static_cast<int64_t>(schema.fields().size())))];
  const bool is_floating =
      field.type->id() == TypeId::kDouble || field.type->id() == TypeId::kFloat;
  switch (Below(rng, 6)) {
    case 0: {
      const Op ops[] = {Op::kIsNull, Op::kNotNull, Op::kIsNan, Op::kNotNan};
      return Predicate::Unary(ops[Below(rng, is_floating ? 4 : 2)], field.name);
    }
    case 1: {
      std::vector<Literal> values;
      for (int64_t i = 1 + Below(rng, 4); i > 0; --i) {
        values.push_back(RandomValue(field.type, rng, false));
      }
      if (Below(rng, 8) == 0) values.push_back(Literal::Null(field.type));
      return Predicate::Set(Below(rng, 2) == 0 ? Op::kIn : Op::kNotIn, field.name,
                            values);
    }
    case 2:
      if (field.type->id() == TypeId::kString) {
        return Predicate::Compare(
            Below(rng, 2) == 0 ? Op::kStartsWith : Op::kNotStartsWith, field.name,
            RandomValue(field.type, rng, false));
      }
      [[fallthrough]];
    default: {
      const Op ops[] = {Op::kLess,         Op::kLessEqual, Op::kGreater,
                        Op::kGreaterEqual, Op::kEqual,     Op::kNotEqual};
      return Predicate::Compare(ops[Below(rng, 6)], field.name,
                                RandomValue(field.type, rng, false));
    }
  }
}

// The naive evaluator: SQL's three values, straight from the unbound predicate.
using Truth = std::optional<bool>;

std::optional<int> Order(const Literal& a, const Literal& b) {
  if (const auto* x = std::get_if<double>(&a.value())) {
    const double y = b.as<double>();
    if (std::isnan(*x)) return std::nullopt;
    return *x < y ? -1 : *x > y;
  }
  if (const auto* x = std::get_if<float>(&a.value())) {
    const float y = b.as<float>();
    if (std::isnan(*x)) return std::nullopt;
    return *x < y ? -1 : *x > y;
  }
  return a.Compare(b);
}

Truth Holds(Op op, const Literal& value, const Literal& literal) {
  if (value.is_null() || literal.is_null()) return std::nullopt;
  if (op == Op::kStartsWith || op == Op::kNotStartsWith) {
    return value.as<std::string>().starts_with(literal.as<std::string>()) ==
           (op == Op::kStartsWith);
  }
  const auto order = Order(value, literal);
  if (!order) return op == Op::kNotEqual;
  switch (op) {
    case Op::kLess:
      return *order < 0;
    case Op::kLessEqual:
      return *order <= 0;
    case Op::kGreater:
      return *order > 0;
    case Op::kGreaterEqual:
      return *order >= 0;
    case Op::kEqual:
      return *order == 0;
    default:
      return *order != 0;
  }
}

Truth Naive(const Predicate& predicate, const Schema& schema, const Row& row);

Truth NaiveLeaf(const Predicate& leaf, const Schema& schema, const Row& row) {
  const int32_t id = schema.FindField(leaf.column())->id;
  const Literal& value = row[static_cast<size_t>(id - 1)];
  const bool is_nan =
      !value.is_null() &&
      ((std::holds_alternative<double>(value.value()) &&
        std::isnan(value.as<double>())) ||
       (std::holds_alternative<float>(value.value()) && std::isnan(value.as<float>())));
  switch (leaf.op()) {
    case Op::kIsNull:
      return value.is_null();
    case Op::kNotNull:
      return !value.is_null();
    case Op::kIsNan:
      return is_nan;
    case Op::kNotNan:
      return !is_nan;
    case Op::kIn:
    case Op::kNotIn: {
      Truth any = false;
      for (const Literal& literal : leaf.literals()) {
        const Truth equal = Holds(Op::kEqual, value, literal);
        if (equal == true) any = true;
        if (!equal && any == false) any = std::nullopt;
      }
      if (leaf.op() == Op::kNotIn && any) any = !*any;
      return any;
    }
    default:
      return Holds(leaf.op(), value, leaf.literals()[0]);
  }
}

Truth Naive(const Predicate& predicate, const Schema& schema, const Row& row) {
  switch (predicate.op()) {
    case Op::kTrue:
      return true;
    case Op::kFalse:
      return false;
    case Op::kNot: {
      const Truth child = Naive(*predicate.children()[0], schema, row);
      return child ? Truth(!*child) : child;
    }
    case Op::kAnd:
    case Op::kOr: {
      const bool decisive = predicate.op() == Op::kOr;
      const Truth left = Naive(*predicate.children()[0], schema, row);
      const Truth right = Naive(*predicate.children()[1], schema, row);
      if (left == decisive || right == decisive) return decisive;
      return left && right ? Truth(!decisive) : std::nullopt;
    }
    default:
      return NaiveLeaf(predicate, schema, row);
  }
}

std::shared_ptr<arrow::RecordBatch> ToBatch(const Schema& schema,
                                            const std::vector<Row>& rows) {
  auto arrow_schema = Unwrap(ToArrowSchema(schema));
  arrow::ArrayVector columns;
  for (int i = 0; i < arrow_schema->num_fields(); ++i) {
    auto builder = Unwrap(arrow::MakeBuilder(arrow_schema->field(i)->type()));
    for (const Row& row : rows) {
      auto scalar = Unwrap(
          ToArrowScalar(row[static_cast<size_t>(i)], arrow_schema->field(i)->type()));
      EXPECT_TRUE(builder->AppendScalar(*scalar).ok());
    }
    columns.push_back(Unwrap(builder->Finish()));
  }
  return arrow::RecordBatch::Make(arrow_schema, static_cast<int64_t>(rows.size()),
                                  columns);
}

/// The metrics a writer would keep of the rows; parts are left out at random.
DataFile MetricsOf(const Schema& schema, const std::vector<Row>& rows, Rng& rng) {
  DataFile file;
  for (size_t i = 0; i < schema.fields().size(); ++i) {
    ColumnMetrics metrics;
    metrics.field_id = schema.fields()[i].id;
    int64_t nulls = 0;
    int64_t nans = 0;
    std::optional<Literal> lower;
    std::optional<Literal> upper;
    for (const Row& row : rows) {
      const Literal& value = row[i];
      if (value.is_null()) {
        ++nulls;
      } else if (Holds(Op::kEqual, value, value) == false) {
        ++nans;
      } else {
        if (!lower || value.Compare(*lower) < 0) lower = value;
        if (!upper || value.Compare(*upper) > 0) upper = value;
      }
    }
    if (Below(rng, 6) > 0) metrics.value_count = static_cast<int64_t>(rows.size());
    if (Below(rng, 6) > 0) metrics.null_count = nulls;
    if (Below(rng, 3) > 0) metrics.nan_count = nans;
    if (lower && Below(rng, 6) > 0) metrics.lower_bound = Unwrap(lower->ToBytes());
    if (upper && Below(rng, 6) > 0) metrics.upper_bound = Unwrap(upper->ToBytes());
    if (schema.fields()[i].type->id() == TypeId::kString && Below(rng, 2) == 0) {
      // Truncated to a byte, the upper one rounded up.
      if (metrics.lower_bound) metrics.lower_bound = metrics.lower_bound->substr(0, 1);
      if (metrics.upper_bound && metrics.upper_bound->size() > 1) {
        metrics.upper_bound = metrics.upper_bound->substr(0, 1);
        ++metrics.upper_bound->back();
      }
    }
    file.metrics.push_back(std::move(metrics));
  }
  return file;
}

TEST(ExprTest, RowsMatchTheNaiveEvaluatorAndPruningNeverDropsOne) {
  const SchemaPtr schema = TestSchema();
  Rng rng(20261122);
  int64_t pruned = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<Row> rows;
    // Few rows, so that bounds are narrow enough to prune.
    for (int64_t i = 1 + Below(rng, 4); i > 0; --i)
      rows.push_back(RandomRow(*schema, rng));
    const PredicatePtr predicate = RandomPredicate(*schema, rng, 3);
    SCOPED_TRACE(predicate->ToString());
    const PredicatePtr bound = Unwrap(Bind(predicate, *schema));
    const auto mask = Unwrap(EvaluateRows(*bound, *ToBatch(*schema, rows)));
    bool any = false;
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool expected = Naive(*predicate, *schema, rows[i]).value_or(false);
      ASSERT_EQ(mask->Value(static_cast<int64_t>(i)), expected) << bound->ToString();
      any |= expected;
    }
    const DataFile file = MetricsOf(*schema, rows, rng);
    const bool may = MayMatch(*bound, FileBounds(file));
    ASSERT_TRUE(may || !any) << bound->ToString();
    pruned += may ? 0 : 1;
  }
  // The test would be worth nothing if nothing were pruned.
  EXPECT_GT(pruned, 400);
}

TEST(ExprTest, PartitionProjectionNeverDropsAMatchingRow) {
  const SchemaPtr schema = TestSchema();
  const std::vector<PartitionSpec> specs = {
      {1,
       {{1, 1000, "i_bucket", Transform::Bucket(4)},
        {5, 1001, "ts_day", Transform::Day()}}},
      {2,
       {{4, 1000, "s_trunc", Transform::Truncate(2)},
        {5, 1001, "ts_hour", Transform::Hour()}}},
      {3,
       {{1, 1000, "i_trunc", Transform::Truncate(3)},
        {6, 1001, "day_month", Transform::Month()},
        {2, 1002, "l_void", Transform::Void()}}},
      {4,
       {{4, 1000, "s", Transform::Identity()},
        {6, 1001, "day_year", Transform::Year()},
        {8, 1002, "m_trunc", Transform::Truncate(50)},
        {2, 1003, "l_trunc", Transform::Truncate(4)}}},
      {5,
       {{3, 1000, "d", Transform::Identity()}, {4, 1001, "s_b", Transform::Bucket(3)}}},
  };
  Rng rng(7);
  int64_t pruned = 0;
  for (int round = 0; round < 6000; ++round) {
    const PartitionSpec& spec = specs[static_cast<size_t>(Below(rng, 5))];
    const Row row = RandomRow(*schema, rng);
    const PredicatePtr predicate = RandomPredicate(*schema, rng, 2);
    const PredicatePtr bound = Unwrap(Bind(predicate, *schema));
    const PredicatePtr projected = Unwrap(ProjectToPartition(bound, *schema, spec));
    const TypePtr partition_type = Unwrap(spec.PartitionType(*schema));
    std::vector<Literal> partition;
    std::vector<PartitionFieldSummary> summaries;
    for (const PartitionField& field : spec.fields) {
      partition.push_back(
          Unwrap(field.transform.Apply(row[static_cast<size_t>(field.source_id - 1)])));
      PartitionFieldSummary summary;
      const Literal& value = partition.back();
      const bool is_nan = !value.is_null() && Holds(Op::kEqual, value, value) == false;
      summary.contains_null = value.is_null();
      summary.contains_nan = is_nan;
      if (!value.is_null() && !is_nan) {
        summary.lower_bound = Unwrap(value.ToBytes());
        summary.upper_bound = summary.lower_bound;
      }
      summaries.push_back(summary);
    }
    const bool matches = Naive(*predicate, *schema, row).value_or(false);
    const bool may = PartitionMayMatch(*projected, spec, partition);
    ASSERT_TRUE(may || !matches) << predicate->ToString() << "\n"
                                 << projected->ToString();
    const bool manifest_may =
        ManifestMayMatch(*projected, spec, *partition_type, summaries);
    ASSERT_TRUE(manifest_may || !matches) << predicate->ToString() << "\n"
                                          << projected->ToString();
    pruned += may ? 0 : 1;
  }
  EXPECT_GT(pruned, 600);
}

TEST(ExprTest, ProjectionIsAsTightAsTheTransformAllows) {
  const SchemaPtr schema = TestSchema();
  const auto project = [&](const std::string& text, const PartitionSpec& spec) {
    const auto bound = Unwrap(Bind(Unwrap(ParsePredicate(text)), *schema));
    return Unwrap(ProjectToPartition(bound, *schema, spec))->ToString();
  };
  const PartitionSpec day{1, {{5, 1000, "ts_day", Transform::Day()}}};
  // Midnight itself is excluded, so the day before is the last.
  EXPECT_EQ(project("ts < '2026-11-22T00:00:00+00:00'", day), "ts_day <= 2026-11-21");
  EXPECT_EQ(project("ts >= '2026-11-22T00:00:00+00:00'", day), "ts_day >= 2026-11-22");
  const PartitionSpec truncate{2, {{4, 1000, "s_trunc", Transform::Truncate(2)}}};
  EXPECT_EQ(project("s LIKE 'abc%'", truncate), "s_trunc = \"ab\"");
  EXPECT_EQ(project("s LIKE 'a%'", truncate), "s_trunc STARTS WITH \"a\"");
  const PartitionSpec bucket{3, {{1, 1000, "i_bucket", Transform::Bucket(16)}}};
  EXPECT_EQ(project("i = 34", bucket), "i_bucket = " + std::to_string(2017239379 % 16));
  EXPECT_EQ(project("i < 34", bucket), "i_bucket IS NOT NULL");
  EXPECT_EQ(project("i IS NULL OR d > 1", bucket), "TRUE");
}

TEST(ExprTest, BindCastsLiteralsAndDecidesWhatIsOutOfRange) {
  const SchemaPtr schema = TestSchema();
  const auto bind = [&](const std::string& text) {
    return Unwrap(Bind(Unwrap(ParsePredicate(text)), *schema))->ToString();
  };
  EXPECT_EQ(bind("i < 3000000000"), "i IS NOT NULL");
  EXPECT_EQ(bind("i > 3000000000"), "FALSE");
  EXPECT_EQ(bind("i = 1.5"), "FALSE");
  EXPECT_EQ(bind("i < 1.5"), "i <= 1");
  EXPECT_EQ(bind("i >= -1.5"), "i > -2");
  EXPECT_EQ(bind("i != 1.5"), "i IS NOT NULL");
  EXPECT_EQ(bind("i IN (3, 1, 3, 5000000000)"), "i IN (1, 3)");
  EXPECT_EQ(bind("i NOT IN (1, NULL)"), "FALSE");
  EXPECT_EQ(bind("i = NULL"), "FALSE");
  EXPECT_EQ(bind("NOT (i = NULL)"), "FALSE");
  EXPECT_EQ(bind("NOT (i > 1 AND l <= 2)"), "(i <= 1 OR l > 2)");
  EXPECT_EQ(bind("NOT d < 1"), "(d >= 1 OR d IS NAN)");
  EXPECT_EQ(bind("f > 1e300"), "f > 3.4028235e+38");
  EXPECT_EQ(bind("m = 1.10"), "m = 1.10");
  EXPECT_EQ(bind("day = '1970-01-02'"), "day = 1970-01-02");
  EXPECT_EQ(bind("3 < l"), "l > 3");
  EXPECT_EQ(bind("s LIKE '%'"), "s IS NOT NULL");
}

TEST(ExprTest, BindErrorsNameTheColumn) {
  const SchemaPtr schema = Unwrap(Schema::Make(
      {NestedField::Optional(1, "user_id", Type::Long()),
       NestedField::Optional(
           2, "tags", Type::List(NestedField::Optional(3, "element", Type::String()))),
       NestedField::Optional(
           4, "st", Type::Struct({NestedField::Optional(5, "x", Type::Int())}))}));
  const auto error = [&](const std::string& text) {
    const auto result = Bind(Unwrap(ParsePredicate(text)), *schema);
    EXPECT_FALSE(result.ok());
    return result.status();
  };
  EXPECT_TRUE(IsError(error("user_idd = 1"), ErrorCode::kNoSuchColumn));
  EXPECT_THAT(ErrorText(error("user_idd = 1")), HasSubstr("user_id"));
  EXPECT_THAT(ErrorText(error("user_id = 'x'")), HasSubstr("'user_id' of type long"));
  EXPECT_THAT(ErrorText(error("tags.element = 'x'")), HasSubstr("inside a list or map"));
  EXPECT_THAT(ErrorText(error("user_id LIKE 'x%'")), HasSubstr("LIKE does not apply"));
  EXPECT_THAT(ErrorText(error("user_id IS NAN")), HasSubstr("IS NAN does not apply"));
  EXPECT_THAT(ErrorText(error("st = 1")), HasSubstr("'st'"));
}

TEST(ExprTest, NestedColumnsAreNullWhereTheirParentIs) {
  const SchemaPtr schema = Unwrap(Schema::Make({NestedField::Optional(
      1, "st", Type::Struct({NestedField::Optional(2, "x", Type::Int())}))}));
  const auto arrow_schema = Unwrap(ToArrowSchema(*schema));
  arrow::Int32Builder ints;
  ASSERT_TRUE(ints.AppendValues({5, 5, 6}).ok());
  const std::shared_ptr<arrow::Array> child = Unwrap(ints.Finish());
  // The second struct is NULL over a child that is not.
  auto structs = std::make_shared<arrow::StructArray>(
      arrow_schema->field(0)->type(), 3, arrow::ArrayVector{child},
      arrow::Buffer::FromString(std::string(1, '\x05')));
  const auto batch = arrow::RecordBatch::Make(arrow_schema, 3, {structs});
  const auto bound = Unwrap(Bind(Unwrap(ParsePredicate("st.x = 5")), *schema));
  const auto mask = Unwrap(EvaluateRows(*bound, *batch));
  EXPECT_TRUE(mask->Value(0));
  EXPECT_FALSE(mask->Value(1));
  EXPECT_FALSE(mask->Value(2));
}

TEST(ParsePredicateTest, UnderstandsTheGrammar) {
  const auto text = [](const std::string& input) {
    return Unwrap(ParsePredicate(input))->ToString();
  };
  EXPECT_EQ(text("a >= 3 AND (b IN ('x', 'y''z') OR c IS NOT NULL)"),
            "(a >= 3 AND (b IN (\"x\", \"y'z\") OR c IS NOT NULL))");
  EXPECT_EQ(text("a=1 or b=2 and not c=3"), "(a = 1 OR (b = 2 AND NOT c = 3))");
  EXPECT_EQ(text("x between 1 and 5"), "(x >= 1 AND x <= 5)");
  EXPECT_EQ(text("x NOT BETWEEN -1 AND +5"), "NOT (x >= -1 AND x <= 5)");
  EXPECT_EQ(text("n LIKE 'a\\%b%'"), "n STARTS WITH \"a%b\"");
  EXPECT_EQ(text("n NOT LIKE 'abc'"), "n != \"abc\"");
  EXPECT_EQ(text("\"odd name\".`x``y` = 1.5e3"), "odd name.x`y = 1500");
  EXPECT_EQ(text("timestamp > timestamp '2026-11-22 10:00:00'"),
            "timestamp > \"2026-11-22 10:00:00\"");
  EXPECT_EQ(text("k = X'00ff'"), "k = x'00ff'");
  EXPECT_EQ(text("active AND NOT deleted"), "(active = true AND NOT deleted = true)");
  EXPECT_EQ(text("TRUE"), "TRUE");
  EXPECT_EQ(text("v IS NAN OR v IS NOT NAN"), "(v IS NAN OR v IS NOT NAN)");
  EXPECT_EQ(text("a <> 1 AND a != 2 AND a == 3"), "((a != 1 AND a != 2) AND a = 3)");
}

TEST(ParsePredicateTest, ErrorsPointAtThePosition) {
  const auto error = [](const std::string& input) {
    const auto result = ParsePredicate(input);
    EXPECT_TRUE(IsError(result.status(), ErrorCode::kInvalidArgument)) << input;
    return ErrorText(result.status());
  };
  EXPECT_THAT(error(""), HasSubstr("empty"));
  EXPECT_THAT(error("a ="), HasSubstr("character 4: expected a value, found the end"));
  EXPECT_THAT(error("a = 1 b"), HasSubstr("character 7"));
  EXPECT_THAT(error("a = 'x"), HasSubstr("character 5"));
  EXPECT_THAT(error("a LIKE '%x'"), HasSubstr("'prefix%'"));
  EXPECT_THAT(error("(a = 1"), HasSubstr("')'"));
  EXPECT_THAT(error("a IN ()"), HasSubstr("expected a value"));
  EXPECT_THAT(error("a = 12abc"), HasSubstr("'12abc' is no number"));
  EXPECT_THAT(error("a ; b"), HasSubstr("character 3"));
  EXPECT_THAT(error("1 = 1"), HasSubstr("a column name"));
  EXPECT_THAT(error(std::string(100'000, '(')), HasSubstr("nested too deeply"));
  std::string many = "a = 1";
  for (int i = 0; i < 20'000; ++i) many += " OR a = 1";
  EXPECT_THAT(error(many), HasSubstr("use IN"));
}

TEST(ParsePredicateTest, DamagedTextNeverCrashes) {
  const std::string text =
      "a >= 3 AND (b IN ('x', 'y') OR \"c d\" IS NOT NULL) AND e LIKE 'p%' OR NOT f = "
      "-1.5";
  Rng rng(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = text.substr(0, static_cast<size_t>(Below(rng, 90)));
    for (int64_t i = Below(rng, 4); i > 0 && !damaged.empty(); --i) {
      damaged[static_cast<size_t>(Below(rng, static_cast<int64_t>(damaged.size())))] =
          static_cast<char>(rng() & 0xFF);
    }
    static_cast<void>(ParsePredicate(damaged));
  }
}

}  // namespace
}  // namespace floe::iceberg
