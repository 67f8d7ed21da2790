#include "iceberg/catalog/catalog_abilities.h"

#include "base/error.h"

namespace floe::iceberg {
namespace {

arrow::Status Collect(Catalog& catalog, const Namespace& parent, bool has_one_level,
                      std::vector<Namespace>* all) {
  ARROW_ASSIGN_OR_RAISE(const auto children, catalog.ListNamespaces(parent));
  for (const Namespace& child : children) {
    if (all->size() == kMaxNamespaces) {
      return MakeError(
          ErrorCode::kResourceExhausted,
          "catalog '{}' has more than {} namespaces; name the one to look into",
          catalog.name(), kMaxNamespaces);
    }
    all->push_back(child);
    if (has_one_level) continue;
    ARROW_RETURN_NOT_OK(Collect(catalog, child, has_one_level, all));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::vector<Namespace>> ListAllNamespaces(Catalog& catalog) {
  const bool has_one_level = dynamic_cast<const OneLevelCatalog*>(&catalog) != nullptr;
  std::vector<Namespace> all;
  ARROW_RETURN_NOT_OK(Collect(catalog, {}, has_one_level, &all));
  return all;
}

}  // namespace floe::iceberg
