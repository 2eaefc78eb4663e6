#include "models/genes/gene_columns.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

namespace engram::genes {
namespace {

constexpr dim_t kMaxPatients = std::numeric_limits<std::int32_t>::max();

/// Calls body(patient) for each set bit of a column, ascending.
template <class Body>
void for_carriers(std::span<const std::uint64_t> column, const Body& body) {
  for (std::size_t w = 0; w < column.size(); ++w) {
    for (std::uint64_t rest = column[w]; rest != 0; rest &= rest - 1) {
      body(static_cast<dim_t>(w * 64) + std::countr_zero(rest));
    }
  }
}

}  // namespace

GeneColumns::GeneColumns(dim_t patients, dim_t genes, std::vector<std::uint64_t> bits)
    : patients_(patients), genes_(genes), bits_(std::move(bits)) {
  const auto words = static_cast<std::size_t>(words_per_gene(patients));
  if (patients < 0 || genes < 0 || patients > kMaxPatients || bits_.size() != words * static_cast<std::size_t>(genes)) {
    throw UsageError(message("[gene_columns] expected ", genes, " columns of ", words, " words for at most ",
                             kMaxPatients, " patients, got ", bits_.size(), " words for ", patients, " patients"));
  }
  const std::uint64_t last_word = patients % 64 ? (std::uint64_t{1} << (patients % 64)) - 1 : ~std::uint64_t{0};
  counts_.resize(static_cast<std::size_t>(genes));
  list_offsets_.assign(static_cast<std::size_t>(genes) + 1, 0);
  const auto list_below = static_cast<dim_t>(kListBelow * static_cast<double>(patients));
  for (std::size_t j = 0; j < counts_.size(); ++j) {
    if (words > 0) bits_[j * words + words - 1] &= last_word;
    dim_t count = 0;
    for (std::size_t w = 0; w < words; ++w) count += std::popcount(bits_[j * words + w]);
    counts_[j] = count;
    list_offsets_[j + 1] = list_offsets_[j] + (count <= list_below ? count : 0);
  }
  lists_.reserve(static_cast<std::size_t>(list_offsets_.back()));
  for (dim_t j = 0; j < genes_; ++j) {
    if (list_begin(j) == list_end(j)) continue;
    for_carriers(this->bits(j), [&](dim_t patient) { lists_.push_back(static_cast<std::uint32_t>(patient)); });
  }
}

std::uint64_t GeneColumns::expected_bytes(dim_t patients, dim_t genes, double frequency) {
  const auto columns = static_cast<std::uint64_t>(genes);
  const double listed = frequency <= kListBelow ? 4 * frequency * static_cast<double>(patients) : 0;
  return columns * (8 * static_cast<std::uint64_t>(words_per_gene(patients)) + 16 + static_cast<std::uint64_t>(listed));
}

std::span<const std::uint64_t> GeneColumns::bits(dim_t gene) const {
  const auto words = static_cast<std::size_t>(words_per_gene(patients_));
  return std::span<const std::uint64_t>(bits_).subspan(static_cast<std::size_t>(gene) * words, words);
}

std::span<const std::uint32_t> GeneColumns::carriers(dim_t gene) const {
  return std::span<const std::uint32_t>(lists_).subspan(static_cast<std::size_t>(list_begin(gene)),
                                                        static_cast<std::size_t>(list_end(gene) - list_begin(gene)));
}

void GeneColumns::to_doubles(dim_t gene, double* out) const {
  std::fill(out, out + patients_, 0.0);
  for_carriers(bits(gene), [&](dim_t patient) { out[patient] = 1; });
}

GeneColumns GeneColumns::select_patients(std::span<const dim_t> keep) const {
  for (const dim_t patient : keep) {
    if (patient < 0 || patient >= patients_) {
      throw UsageError(message("[gene_columns] expected patients 0 to ", patients_ - 1, ", got ", patient));
    }
  }
  // places[starts[i]] to places[starts[i + 1]] are the new positions of patient i.
  std::vector<dim_t> starts(static_cast<std::size_t>(patients_) + 1), places(keep.size());
  for (const dim_t patient : keep) ++starts[static_cast<std::size_t>(patient) + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<dim_t> next(starts.begin(), starts.end() - 1);
  for (std::size_t i = 0; i < keep.size(); ++i) {
    places[static_cast<std::size_t>(next[static_cast<std::size_t>(keep[i])]++)] = static_cast<dim_t>(i);
  }
  const auto kept = static_cast<dim_t>(keep.size());
  const auto words = static_cast<std::size_t>(words_per_gene(kept));
  std::vector<std::uint64_t> out(words * static_cast<std::size_t>(genes_));
  kernels::parallel_for(genes_, kept, [&](dim_t j) {
    std::uint64_t* to = out.data() + static_cast<std::size_t>(j) * words;
    for_carriers(bits(j), [&](dim_t patient) {
      for (dim_t k = starts[static_cast<std::size_t>(patient)]; k < starts[static_cast<std::size_t>(patient) + 1];
           ++k) {
        const dim_t place = places[static_cast<std::size_t>(k)];
        to[place / 64] |= std::uint64_t{1} << (place % 64);
      }
    });
  });
  return GeneColumns(kept, genes_, std::move(out));
}

kernels::GeneView GeneColumns::view() const {
  return {.patients = patients_,
          .genes = genes_,
          .bits = bits_.data(),
          .words_per_gene = words_per_gene(patients_),
          .counts = counts_.data(),
          .list_offsets = list_offsets_.data(),
          .lists = lists_.data()};
}

}  // namespace engram::genes
