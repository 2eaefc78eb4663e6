#include <algorithm>

#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "models/genes/cohort_io.h"

namespace engram::genes {
namespace {

/// Positions in the order of the input.
std::vector<dim_t> input_order(const Cohort& cohort) {
  std::vector<dim_t> order(cohort.row.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<dim_t>(i);
  std::stable_sort(order.begin(), order.end(), [&](dim_t a, dim_t b) {
    return cohort.row[static_cast<std::size_t>(a)] < cohort.row[static_cast<std::size_t>(b)];
  });
  return order;
}

/// Header: the unnamed index, then `names`.
std::vector<std::string> with_index(const std::vector<std::string>& names) {
  std::vector<std::string> header = {""};
  header.insert(header.end(), names.begin(), names.end());
  return header;
}

/// Writes one file; cells(writer, i) appends the cells of patient i behind the index.
template <class Cells>
void save_file(const Cohort& cohort, const std::vector<dim_t>& order, const std::filesystem::path& path,
               const std::vector<std::string>& names, const Cells& cells) {
  io::CsvWriter writer(path, with_index(names), io::CsvTexts::kAsTheyAre);
  for (const dim_t i : order) {
    writer.cell(cohort.patient_id[static_cast<std::size_t>(i)]);
    cells(writer, static_cast<std::size_t>(i));
    writer.end_row();
  }
  writer.commit();
}

/// The gene file, many rows at a time, so that each gene's column is read few times.
void save_genes(const Cohort& cohort, const std::vector<dim_t>& order, const std::filesystem::path& path) {
  constexpr std::size_t kRows = 1024;
  const auto genes = static_cast<std::size_t>(cohort.num_genes());
  io::CsvWriter writer(path, with_index(cohort.gene_names), io::CsvTexts::kAsTheyAre);
  std::vector<char> cells(kRows * genes);
  for (std::size_t first = 0; first < order.size(); first += kRows) {
    const std::size_t count = std::min(kRows, order.size() - first);
    for (std::size_t j = 0; j < genes; ++j) {
      for (std::size_t i = 0; i < count; ++i) {
        cells[i * genes + j] = cohort.genes.at(order[first + i], static_cast<dim_t>(j)) ? '1' : '0';
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      writer.cell(cohort.patient_id[static_cast<std::size_t>(order[first + i])]);
      for (std::size_t j = 0; j < genes; ++j) writer.cell(std::string_view(&cells[i * genes + j], 1));
      writer.end_row();
    }
  }
  writer.commit();
}

}  // namespace

void save_cohort_folder(const Cohort& cohort, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw IoError(message("[cohort] cannot create the folder ", folder.string(), ": ", error.message()));
  const std::vector<dim_t> order = input_order(cohort);
  save_file(cohort, order, folder / kClinicalFile, cohort.clinical_names, [&](io::CsvWriter& writer, std::size_t i) {
    for (dim_t k = 0; k < cohort.num_clinical(); ++k) writer.cell(cohort.clinical_column(k)[i]);
  });
  save_file(cohort, order, folder / kSurvivalFile, {"time", "event"}, [&](io::CsvWriter& writer, std::size_t i) {
    writer.cell(cohort.time[i]).cell(std::int64_t{cohort.event[i]});
  });
  save_file(cohort, order, folder / kTreatmentFile, {cohort.treatment_name},
            [&](io::CsvWriter& writer, std::size_t i) { writer.cell(std::int64_t{cohort.treatment[i]}); });
  save_genes(cohort, order, folder / kGeneFile);
}

}  // namespace engram::genes
