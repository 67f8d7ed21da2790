#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "base/hex.h"
#include "iceberg/expr/predicate.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;

constexpr size_t kMaxTextBytes = size_t{16} << 20;
constexpr int kMaxDepth = 200;

enum class TokenKind { kEnd, kWord, kQuotedName, kString, kNumber, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;     ///< Unquoted; words as written.
  size_t position = 0;  ///< In bytes from the start, from 0.
};

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

bool IsWordStart(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalpha(byte) || c == '_' || byte >= 0x80;
}

bool IsWordPart(char c) {
  return IsWordStart(c) || std::isdigit(static_cast<unsigned char>(c)) || c == '$';
}

arrow::Status ErrorAt(size_t position, const std::string& what) {
  return MakeError(ErrorCode::kInvalidArgument, "filter, character {}: {}", position + 1,
                   what);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  arrow::Result<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    while (true) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) {
        ++at_;
      }
      ARROW_ASSIGN_OR_RAISE(Token token, Next());
      tokens.push_back(std::move(token));
      if (tokens.back().kind == TokenKind::kEnd) return tokens;
    }
  }

 private:
  arrow::Result<Token> Next() {
    Token token;
    token.position = at_;
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (IsWordStart(c)) {
      token.kind = TokenKind::kWord;
      while (at_ < text_.size() && IsWordPart(text_[at_])) token.text += text_[at_++];
      return token;
    }
    if (std::isdigit(static_cast<unsigned char>(c)) ||
        (c == '.' && at_ + 1 < text_.size() &&
         std::isdigit(static_cast<unsigned char>(text_[at_ + 1])))) {
      return Number(std::move(token));
    }
    if (c == '\'') return Quoted(std::move(token), TokenKind::kString, "text");
    if (c == '"' || c == '`') {
      return Quoted(std::move(token), TokenKind::kQuotedName, "quoted name");
    }
    return Symbol(std::move(token));
  }

  arrow::Result<Token> Number(Token token) {
    token.kind = TokenKind::kNumber;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool after_exponent =
          !token.text.empty() && (token.text.back() == 'e' || token.text.back() == 'E');
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' &&
          !((c == '+' || c == '-') && after_exponent)) {
        break;
      }
      token.text += c;
      ++at_;
    }
    return token;
  }

  /// Up to the closing quote; a doubled quote stands for itself.
  arrow::Result<Token> Quoted(Token token, TokenKind kind, const std::string& what) {
    token.kind = kind;
    const char quote = text_[at_++];
    while (at_ < text_.size()) {
      if (text_[at_] == quote) {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != quote) {
          ++at_;
          return token;
        }
        ++at_;
      }
      token.text += text_[at_++];
    }
    return ErrorAt(token.position,
                   fmt::format("the {} that starts here has no closing {}", what, quote));
  }

  arrow::Result<Token> Symbol(Token token) {
    static constexpr std::string_view kSymbols[] = {
        "<=", ">=", "<>", "!=", "==", "<", ">", "=", "(", ")", ",", ".", "-", "+"};
    token.kind = TokenKind::kSymbol;
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(at_, symbol.size()) == symbol) {
        token.text = symbol;
        at_ += symbol.size();
        return token;
      }
    }
    return ErrorAt(at_, fmt::format("'{}' has no meaning here", text_[at_]));
  }

  const std::string_view text_;
  size_t at_ = 0;
};

std::optional<Op> ComparisonOp(const std::string& symbol) {
  if (symbol == "<") return Op::kLess;
  if (symbol == "<=") return Op::kLessEqual;
  if (symbol == ">") return Op::kGreater;
  if (symbol == ">=") return Op::kGreaterEqual;
  if (symbol == "=" || symbol == "==") return Op::kEqual;
  if (symbol == "!=" || symbol == "<>") return Op::kNotEqual;
  return std::nullopt;
}

/// The op with its sides exchanged.
Op Mirrored(Op op) {
  switch (op) {
    case Op::kLess:
      return Op::kGreater;
    case Op::kLessEqual:
      return Op::kGreaterEqual;
    case Op::kGreater:
      return Op::kLess;
    case Op::kGreaterEqual:
      return Op::kLessEqual;
    default:
      return op;
  }
}

bool IsReserved(const std::string& upper) {
  static constexpr std::string_view kReserved[] = {
      "AND", "OR", "NOT", "IN", "IS", "NULL", "NAN", "BETWEEN", "LIKE", "TRUE", "FALSE"};
  return std::find(std::begin(kReserved), std::end(kReserved), upper) !=
         std::end(kReserved);
}

/// Recursive descent; see ParsePredicate for what is understood.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  arrow::Result<PredicatePtr> Run() {
    if (Peek().kind == TokenKind::kEnd) return ErrorAt(0, "it is empty");
    ARROW_ASSIGN_OR_RAISE(auto predicate, ParseOr());
    if (Peek().kind != TokenKind::kEnd) return Unexpected("AND, OR or the end");
    return predicate;
  }

 private:
  const Token& Peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }

  arrow::Status Unexpected(const std::string& expected) const {
    const Token& token = Peek();
    const std::string found =
        token.kind == TokenKind::kEnd ? "the end" : "'" + token.text + "'";
    return ErrorAt(token.position, fmt::format("expected {}, found {}", expected, found));
  }

  bool IsWord(std::string_view word, size_t ahead = 0) const {
    const Token& token = Peek(ahead);
    return token.kind == TokenKind::kWord && Upper(token.text) == word;
  }

  bool AcceptWord(std::string_view word) {
    if (!IsWord(word)) return false;
    ++at_;
    return true;
  }

  bool AcceptSymbol(std::string_view symbol) {
    if (Peek().kind != TokenKind::kSymbol || Peek().text != symbol) return false;
    ++at_;
    return true;
  }

  arrow::Status ExpectSymbol(std::string_view symbol) {
    if (AcceptSymbol(symbol)) return arrow::Status::OK();
    return Unexpected("'" + std::string(symbol) + "'");
  }

  arrow::Result<PredicatePtr> ParseOr() {
    ARROW_ASSIGN_OR_RAISE(auto left, ParseAnd());
    while (AcceptWord("OR")) {
      ARROW_ASSIGN_OR_RAISE(auto right, ParseAnd());
      ARROW_ASSIGN_OR_RAISE(left, Combine(Op::kOr, left, right));
    }
    return left;
  }

  arrow::Result<PredicatePtr> ParseAnd() {
    ARROW_ASSIGN_OR_RAISE(auto left, ParseNot());
    while (AcceptWord("AND")) {
      ARROW_ASSIGN_OR_RAISE(auto right, ParseNot());
      ARROW_ASSIGN_OR_RAISE(left, Combine(Op::kAnd, left, right));
    }
    return left;
  }

  /// Chains make the tree as deep as they are long, and it is walked by recursion.
  arrow::Result<PredicatePtr> Combine(Op op, const PredicatePtr& left,
                                      const PredicatePtr& right) {
    if (++combined_ > kMaxCombined) {
      return ErrorAt(Peek().position,
                     fmt::format("more than {} conditions; use IN for lists of values",
                                 kMaxCombined));
    }
    return op == Op::kAnd ? Predicate::And(left, right) : Predicate::Or(left, right);
  }

  arrow::Result<PredicatePtr> ParseNot() {
    if (++depth_ > kMaxDepth) {
      return ErrorAt(Peek().position, "it is nested too deeply");
    }
    arrow::Result<PredicatePtr> result;
    if (AcceptWord("NOT")) {
      result = ParseNot();
      if (result.ok()) result = Predicate::Not(*result);
    } else if (AcceptSymbol("(")) {
      result = ParseOr();
      if (result.ok()) {
        ARROW_RETURN_NOT_OK(ExpectSymbol(")"));
      }
    } else {
      result = ParseCondition();
    }
    --depth_;
    return result;
  }

  /// A column against something, or a literal against a column.
  arrow::Result<PredicatePtr> ParseCondition() {
    if (StartsLiteral()) {
      const bool is_constant = IsWord("TRUE") || IsWord("FALSE");
      ARROW_ASSIGN_OR_RAISE(Literal literal, ParseLiteral());
      const auto op = AcceptComparison();
      if (!op && is_constant) {
        return literal.as<bool>() ? Predicate::True() : Predicate::False();
      }
      if (!op) return Unexpected("a comparison such as = or <");
      ARROW_ASSIGN_OR_RAISE(std::string column, ParseColumn());
      return Predicate::Compare(Mirrored(*op), std::move(column), std::move(literal));
    }
    ARROW_ASSIGN_OR_RAISE(std::string column, ParseColumn());
    if (const auto op = AcceptComparison()) {
      ARROW_ASSIGN_OR_RAISE(Literal literal, ParseLiteral());
      return Predicate::Compare(*op, std::move(column), std::move(literal));
    }
    if (AcceptWord("IS")) return ParseIs(std::move(column));
    const bool negated = AcceptWord("NOT");
    if (AcceptWord("IN")) return ParseIn(std::move(column), negated);
    if (AcceptWord("BETWEEN")) return ParseBetween(std::move(column), negated);
    if (AcceptWord("LIKE")) return ParseLike(std::move(column), negated);
    if (negated) return Unexpected("IN, BETWEEN or LIKE");
    // A boolean column by itself.
    if (Peek().kind == TokenKind::kEnd || IsWord("AND") || IsWord("OR") ||
        Peek().text == ")") {
      return Predicate::Compare(Op::kEqual, std::move(column), Literal::Boolean(true));
    }
    return Unexpected("a comparison, IS, IN, BETWEEN or LIKE");
  }

  arrow::Result<PredicatePtr> ParseIs(std::string column) {
    const bool negated = AcceptWord("NOT");
    if (AcceptWord("NULL")) {
      return Predicate::Unary(negated ? Op::kNotNull : Op::kIsNull, std::move(column));
    }
    if (AcceptWord("NAN")) {
      return Predicate::Unary(negated ? Op::kNotNan : Op::kIsNan, std::move(column));
    }
    return Unexpected("NULL or NAN");
  }

  arrow::Result<PredicatePtr> ParseIn(std::string column, bool negated) {
    ARROW_RETURN_NOT_OK(ExpectSymbol("("));
    std::vector<Literal> literals;
    do {
      ARROW_ASSIGN_OR_RAISE(Literal literal, ParseLiteral());
      literals.push_back(std::move(literal));
    } while (AcceptSymbol(","));
    if (Peek().text != ")") return Unexpected("',' or ')'");
    ARROW_RETURN_NOT_OK(ExpectSymbol(")"));
    return Predicate::Set(negated ? Op::kNotIn : Op::kIn, std::move(column),
                          std::move(literals));
  }

  arrow::Result<PredicatePtr> ParseBetween(std::string column, bool negated) {
    ARROW_ASSIGN_OR_RAISE(Literal low, ParseLiteral());
    if (!AcceptWord("AND")) return Unexpected("AND of the BETWEEN");
    ARROW_ASSIGN_OR_RAISE(Literal high, ParseLiteral());
    auto both =
        Predicate::And(Predicate::Compare(Op::kGreaterEqual, column, std::move(low)),
                       Predicate::Compare(Op::kLessEqual, column, std::move(high)));
    return negated ? Predicate::Not(std::move(both)) : both;
  }

  arrow::Result<PredicatePtr> ParseLike(std::string column, bool negated) {
    const size_t position = Peek().position;
    if (Peek().kind != TokenKind::kString) return Unexpected("a pattern in quotes");
    const std::string pattern = tokens_[at_++].text;
    std::string prefix;
    bool is_prefix = false;
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) {
        prefix += pattern[++i];
      } else if (pattern[i] == '%' && i + 1 == pattern.size()) {
        is_prefix = true;
      } else if (pattern[i] == '%' || pattern[i] == '_') {
        return ErrorAt(position,
                       "LIKE understands 'prefix%' only; write \\_ and \\% for the "
                       "characters themselves");
      } else {
        prefix += pattern[i];
      }
    }
    Op op = is_prefix ? Op::kStartsWith : Op::kEqual;
    if (negated) op = is_prefix ? Op::kNotStartsWith : Op::kNotEqual;
    return Predicate::Compare(op, std::move(column), Literal::String(std::move(prefix)));
  }

  std::optional<Op> AcceptComparison() {
    if (Peek().kind != TokenKind::kSymbol) return std::nullopt;
    const auto op = ComparisonOp(Peek().text);
    if (op) ++at_;
    return op;
  }

  arrow::Result<std::string> ParseColumn() {
    std::string name;
    do {
      const Token& token = Peek();
      const bool is_name =
          token.kind == TokenKind::kQuotedName ||
          (token.kind == TokenKind::kWord && !IsReserved(Upper(token.text)));
      if (!is_name) return Unexpected("a column name");
      name += (name.empty() ? "" : ".") + token.text;
      ++at_;
    } while (AcceptSymbol("."));
    return name;
  }

  /// A word that types the text after it, as in timestamp '2026-11-22'.
  bool StartsTypedText() const {
    return Peek().kind == TokenKind::kWord && Peek(1).kind == TokenKind::kString &&
           (IsWord("TIMESTAMP") || IsWord("TIMESTAMPTZ") || IsWord("DATE") ||
            IsWord("TIME") || IsWord("UUID") || IsWord("X") || IsWord("DECIMAL"));
  }

  bool StartsLiteral() const {
    switch (Peek().kind) {
      case TokenKind::kString:
      case TokenKind::kNumber:
        return true;
      case TokenKind::kSymbol:
        return Peek().text == "-" || Peek().text == "+";
      case TokenKind::kWord:
        return IsWord("TRUE") || IsWord("FALSE") || IsWord("NULL") || StartsTypedText();
      default:
        return false;
    }
  }

  arrow::Result<Literal> ParseLiteral() {
    if (AcceptWord("TRUE")) return Literal::Boolean(true);
    if (AcceptWord("FALSE")) return Literal::Boolean(false);
    if (AcceptWord("NULL")) return Literal::Null(Type::Unknown());
    if (Peek().kind == TokenKind::kString) return Literal::String(tokens_[at_++].text);
    if (StartsTypedText()) return ParseTypedText();
    const bool negative = AcceptSymbol("-");
    if (!negative) static_cast<void>(AcceptSymbol("+"));
    if (Peek().kind != TokenKind::kNumber) return Unexpected("a value");
    return ParseNumber(negative);
  }

  arrow::Result<Literal> ParseTypedText() {
    const std::string type = Upper(Peek().text);
    const Token& text = Peek(1);
    at_ += 2;
    if (type == "X") {
      auto bytes = HexDecode(text.text);
      if (!bytes.ok()) return ErrorAt(text.position, bytes.status().message());
      return Literal::Binary(*std::move(bytes));
    }
    // Times become what their column is (with or without a zone, of its precision).
    return Literal::String(text.text);
  }

  arrow::Result<Literal> ParseNumber(bool negative) {
    const Token& token = tokens_[at_++];
    const std::string text = (negative ? "-" : "") + token.text;
    const char* begin = text.data();
    const char* end = text.data() + text.size();
    int64_t whole = 0;
    auto parsed = std::from_chars(begin, end, whole);
    if (parsed.ec == std::errc() && parsed.ptr == end) return Literal::Long(whole);
    double number = 0;
    parsed = std::from_chars(begin, end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return ErrorAt(token.position, fmt::format("'{}' is no number", text));
    }
    return Literal::Double(number);
  }

  static constexpr int kMaxCombined = 10'000;

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int combined_ = 0;
};

}  // namespace

arrow::Result<PredicatePtr> ParsePredicate(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the filter has {} bytes, more than the limit of {}", text.size(),
                     kMaxTextBytes);
  }
  ARROW_ASSIGN_OR_RAISE(std::vector<Token> tokens, Lexer(text).Run());
  return Parser(std::move(tokens)).Run();
}

}  // namespace floe::iceberg
