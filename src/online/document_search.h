#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "online/document_filter.h"
#include "online/online_reader.h"

namespace floe::online {

/// How far a document's vector is from the query's; less is nearer.
enum class DistanceMetric {
  kL2,      ///< Euclidean.
  kL1,      ///< Sum of absolute differences.
  kCosine,  ///< 1 - cosine similarity; 1 where a vector is zero.
  kDot,     ///< The negative inner product.
};

/// "L2", "euclidean", "L1", "manhattan", "cosine", "dot", "ip" or "inner_product", in any
/// case; kInvalidArgument names the text and those.
arrow::Result<DistanceMetric> DistanceMetricFromName(std::string_view name);

struct DocumentQuery {
  static constexpr int64_t kMaxTopK = 100'000;

  OnlineView view;
  /// Features to answer with.
  std::vector<std::string> features;
  int64_t top_k = 10;
  /// A list of numbers, where `embedding` is given.
  std::string vector_feature;
  /// Absent: documents are ranked by the text alone.
  std::optional<std::vector<float>> embedding;
  DistanceMetric metric = DistanceMetric::kL2;
  /// Words that must all occur in `text_features`; absent: any document.
  std::optional<std::string> text;
  std::vector<std::string> text_features;
  /// Keys are features of the view, or join keys of its entities. May be null.
  std::shared_ptr<const DocumentFilter> filter;
};

struct DocumentHit {
  std::string entity_key;  ///< Feast's serialized key.
  EncodedRowPtr row;       ///< Of DocumentQuery::features.
  double distance = 0;     ///< 0 without an embedding.
  /// How well the text fits, in [0, 1), more is better: r / (1 + r) of the BM25 score r
  /// (k1 = 1.2, b = 0.75; Robertson and Zaragoza, "The Probabilistic Relevance Framework:
  /// BM25 and Beyond", 2009). 0 without a text.
  double text_rank = 0;
};

/// The top_k documents by distance, or without an embedding by text rank; equal ones by
/// key. Exact: every key's newest row is looked at. Rows without a vector are left out.
/// kInvalidArgument names an unknown feature, a vector of another length than the
/// query's, or a filter that does not fit.
arrow::Result<std::vector<DocumentHit>> SearchDocuments(OnlineReader& reader,
                                                        const DocumentQuery& query,
                                                        int64_t timeout_ms);

/// The hits as floe_online_search of floe.h gives them.
std::string EncodeDocumentHits(std::span<const DocumentHit> hits);

}  // namespace floe::online
