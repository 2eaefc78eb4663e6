#pragma once
/// Action values of the Q-learning local search.

#include <array>
#include <unordered_map>
#include <vector>

#include "models/genes/search/gene_set.h"

namespace engram::genes {

/// A change of a set: a gene is flipped, or a member is exchanged for another gene.
struct SetAction {
  int flip = 0;
  int partner = -1;  ///< the gene that an exchange flips as well; -1 for none

  GeneSet applied_to(const GeneSet& set) const {
    GeneSet next = set.flipped(flip);
    if (partner >= 0) next.flip(partner);
    return next.empty() ? set : next;
  }
  bool operator==(const SetAction&) const = default;
};

/// Q(x, a), 0 where nothing was learned, or in its factored form: a mean over the genes that the action flips of a
/// value per (gene, present or not), which every update of the gene moves towards its target.
class QTable {
 public:
  QTable(int num_genes, bool factored) : factored_(factored), by_gene_(static_cast<std::size_t>(num_genes)) {}

  double value(const GeneSet& set, const SetAction& action) const {
    const auto found = values_.find({set, action});
    if (found != values_.end()) return found->second;
    if (!factored_) return 0;
    const double first = gene_value(set, action.flip);
    return action.partner < 0 ? first : 0.5 * (first + gene_value(set, action.partner));
  }

  /// Moves Q(x, a) by the share `alpha` towards `target`.
  void update(const GeneSet& set, const SetAction& action, double target, double alpha) {
    values_[{set, action}] = (1 - alpha) * value(set, action) + alpha * target;
    if (!factored_) return;
    move_gene(set, action.flip, target, alpha);
    if (action.partner >= 0) move_gene(set, action.partner, target, alpha);
  }

 private:
  struct Key {
    GeneSet set;
    SetAction action;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return GeneSetHash()(key.set) * 31 + std::size_t(key.action.flip * 131 + key.action.partner + 1);
    }
  };

  double gene_value(const GeneSet& set, int gene) const { return by_gene_[std::size_t(gene)][set.contains(gene)]; }
  void move_gene(const GeneSet& set, int gene, double target, double alpha) {
    double& value = by_gene_[std::size_t(gene)][set.contains(gene)];
    value += alpha * (target - value);
  }

  bool factored_;
  std::unordered_map<Key, double, KeyHash> values_;
  std::vector<std::array<double, 2>> by_gene_;
};

}  // namespace engram::genes
