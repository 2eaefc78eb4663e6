#include "models/genes/cohort_io.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "models/genes/gene_rows.h"

namespace engram::genes {
namespace {

using io::CsvReader;

/// What one file or a part of it gives, in the order of its rows.
struct Part {
  std::string source;
  std::vector<std::string> index;
  std::vector<dim_t> line;            // of the file
  std::vector<std::uint8_t> invalid;  // rows with an unusable cell
  std::string first_invalid;          // what was wrong with the first of them
  std::vector<std::vector<double>> numbers;
  std::vector<std::vector<std::uint8_t>> flags;
  std::vector<std::vector<std::int32_t>> labels;
  GeneColumns genes;

  std::string row_name(std::size_t i) const { return message("row ", i, " (line ", line[i], ")"); }
};

/// Columns of a file by what they hold.
struct Columns {
  std::ptrdiff_t index = -1;
  std::vector<std::size_t> numbers, flags, genes;
  std::vector<std::size_t> labels = {};  // texts of which only the differences count
  bool genes_by_default = false;         // all columns without another role count as genes
};

/// Whether a column is one that `pattern` names: the name, or any that begins with what stands before a final '*'.
bool names_column(const std::string& pattern, std::string_view column) {
  const bool prefix = pattern.ends_with('*');
  const std::string_view stem(pattern.data(), pattern.size() - (prefix ? 1 : 0));
  return prefix ? column.starts_with(stem) : column == stem;
}

/// The codings of the input's columns; remembers which were of use.
class Codings {
 public:
  explicit Codings(const std::vector<Coding>& codings) : codings_(codings), used_(codings.size(), false) {}

  /// The coding of each column of a file; null: none. The first that fits counts.
  std::vector<const Coding*> of(const CsvReader& reader) {
    std::vector<const Coding*> found(reader.header().size(), nullptr);
    for (std::size_t c = 0; c < found.size(); ++c) {
      for (std::size_t k = 0; k < codings_.size() && found[c] == nullptr; ++k) {
        if (!names_column(codings_[k].column, reader.header()[c])) continue;
        found[c] = &codings_[k];
        used_[k] = true;
      }
    }
    return found;
  }

  void require_used() const {
    for (std::size_t k = 0; k < used_.size(); ++k) {
      if (used_[k]) continue;
      throw UsageError(
          message("[cohort] expected a column ", io::quoted_name(codings_[k].column), " for its coding, got none"));
    }
  }

 private:
  const std::vector<Coding>& codings_;
  std::vector<bool> used_;
};

/// The cell as 0 or 1, in the column's words where it has some.
bool coded_flag(const CsvReader& reader, std::size_t column, const Coding* coding) {
  if (coding == nullptr) return reader.flag(column);
  const std::string_view cell = reader.cells()[column];
  if (cell != coding->yes && cell != coding->no)
    reader.fail(column, io::quoted_name(coding->yes) + " or " + io::quoted_name(coding->no));
  return cell == coding->yes;
}

double coded_number(const CsvReader& reader, std::size_t column, const Coding* coding) {
  return coding == nullptr ? reader.number(column) : double(coded_flag(reader, column, coding));
}

/// Numbers for texts, in the order in which they are first seen.
class LabelNumbers {
 public:
  std::int32_t operator()(std::string_view text) {
    return numbers_.emplace(std::string(text), std::int32_t(numbers_.size())).first->second;
  }

 private:
  std::unordered_map<std::string, std::int32_t> numbers_;
};

std::uint64_t memory_limit(const LoadOptions& options) {
  if (options.memory_limit) return options.memory_limit;
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Reads the given columns of all rows. Unusable cells are errors, or mark their row if options.drop_invalid.
Part read_columns(CsvReader& reader, const Columns& columns, const LoadOptions& options, Codings& codings) {
  Part part;
  part.source = reader.source();
  part.numbers.resize(columns.numbers.size());
  part.flags.resize(columns.flags.size());
  part.labels.resize(columns.labels.size());
  std::vector<LabelNumbers> label_numbers(columns.labels.size());
  const std::vector<const Coding*> coding = codings.of(reader);
  const auto number = [&](std::size_t column) { return coded_number(reader, column, coding[column]); };
  const auto flag = [&](std::size_t column) { return coded_flag(reader, column, coding[column]); };
  const auto gene = [&](std::size_t column) {
    try {
      return flag(column);
    } catch (const DataError& error) {
      if (!columns.genes_by_default) throw;
      throw DataError(message(error.what(), "; hint: a column without another role counts as a gene; --genes names ",
                              "the genes, --coding the words for 1 and 0"));
    }
  };
  GeneRows genes(static_cast<dim_t>(columns.genes.size()), memory_limit(options), reader.source());
  while (reader.next()) {
    bool invalid = false;
    const auto usable = [&](auto read, auto placeholder) {
      if (!options.drop_invalid) return read();
      try {
        return read();
      } catch (const DataError& error) {
        if (part.first_invalid.empty()) part.first_invalid = error.what();
        invalid = true;
        return placeholder;
      }
    };
    part.index.push_back(columns.index < 0 ? std::to_string(reader.row())
                                           : std::string(reader.cells()[static_cast<std::size_t>(columns.index)]));
    part.line.push_back(static_cast<dim_t>(reader.line()));
    for (std::size_t k = 0; k < columns.numbers.size(); ++k) {
      part.numbers[k].push_back(usable([&] { return number(columns.numbers[k]); }, 0.0));
    }
    for (std::size_t k = 0; k < columns.flags.size(); ++k) {
      part.flags[k].push_back(usable([&] { return flag(columns.flags[k]); }, false));
    }
    for (std::size_t k = 0; k < columns.labels.size(); ++k) {
      const auto text = [&] {
        const std::string_view cell = reader.cells()[columns.labels[k]];
        if (io::is_missing(cell)) reader.fail(columns.labels[k], "a text");
        return cell;
      };
      part.labels[k].push_back(label_numbers[k](usable(text, std::string_view())));
    }
    genes.begin_row();
    for (std::size_t j = 0; j < columns.genes.size(); ++j) {
      if (usable([&] { return gene(columns.genes[j]); }, false)) genes.set(static_cast<dim_t>(j));
    }
    part.invalid.push_back(invalid);
  }
  part.genes = std::move(genes).finish();
  return part;
}

using RowOfIndex = std::unordered_map<std::string_view, dim_t>;

RowOfIndex rows_by_index(const Part& part) {
  RowOfIndex rows;
  for (std::size_t i = 0; i < part.index.size(); ++i) {
    if (!rows.emplace(part.index[i], static_cast<dim_t>(i)).second) {
      throw DataError(message("[cohort] ", part.source, ": ", part.row_name(i),
                              ": expected a patient index of its own, got ", io::quoted_name(part.index[i]), " again"));
    }
  }
  return rows;
}

/// For each row of `base`, the row of `part` with the same index.
std::vector<dim_t> match_rows(const Part& base, const RowOfIndex& base_rows, const Part& part) {
  const RowOfIndex rows = rows_by_index(part);
  for (std::size_t i = 0; i < part.index.size(); ++i) {
    if (!base_rows.contains(part.index[i])) {
      throw DataError(message("[cohort] ", part.source, ": ", part.row_name(i), ": expected a patient index of ",
                              base.source, ", got ", io::quoted_name(part.index[i])));
    }
  }
  std::vector<dim_t> out;
  for (const std::string& index : base.index) {
    const auto found = rows.find(index);
    if (found == rows.end()) {
      throw DataError(message("[cohort] ", part.source, ": expected the ", base.index.size(), " patient indices of ",
                              base.source, ", got ", part.index.size(), " without ", io::quoted_name(index)));
    }
    out.push_back(found->second);
  }
  return out;
}

template <class T>
std::vector<T> gather(const std::vector<T>& values, const std::vector<dim_t>& order) {
  std::vector<T> out;
  out.reserve(order.size());
  for (const dim_t i : order) out.push_back(values[static_cast<std::size_t>(i)]);
  return out;
}

/// Brings the rows of `part` into the order of `base`.
void align(const Part& base, const RowOfIndex& base_rows, Part& part) {
  const std::vector<dim_t> order = match_rows(base, base_rows, part);
  if (std::is_sorted(order.begin(), order.end())) return;  // then it is 0, 1, 2, ...
  part.invalid = gather(part.invalid, order);
  for (auto& column : part.numbers) column = gather(column, order);
  for (auto& column : part.flags) column = gather(column, order);
  if (part.genes.num_genes() > 0) part.genes = part.genes.select_patients(order);
}

/// Rows to drop, and why; counted in one finding.
Finding find_dropped(const Cohort& cohort, const std::vector<std::uint8_t>& unusable, const LoadOptions& options,
                     std::vector<std::uint8_t>& drop) {
  Finding finding{Anomaly::kDroppedRow, 0, {}, ""};
  dim_t cells = 0, times = 0, clinical = 0;
  for (std::size_t i = 0; i < drop.size(); ++i) {
    bool above = false;
    for (dim_t k = 0; options.clinical_max && k < cohort.num_clinical(); ++k) {
      above |= cohort.clinical_column(k)[i] > *options.clinical_max;
    }
    const bool late = !unusable[i] && cohort.time[i] <= 0;
    drop[i] = unusable[i] || late || above;
    if (!drop[i]) continue;
    cells += unusable[i] ? 1 : 0;
    times += late ? 1 : 0;
    clinical += !unusable[i] && !late ? 1 : 0;
    if (++finding.count <= Finding::kMaxNamed) finding.where.push_back(row_name(cohort, dim_t(i)));
  }
  finding.text = message(finding.count, " rows left out: ", cells, " with a missing or wrong cell, ", times,
                         " with a time that is not positive, ", clinical, " with a clinical value above the maximum");
  return finding;
}

Finding clip_values(Cohort& cohort, double limit) {
  Finding finding{Anomaly::kClipped, 0, {}, ""};
  for (double& value : cohort.clinical) {
    if (value <= limit) continue;
    value = limit;
    ++finding.count;
  }
  finding.text = message(finding.count, " clinical values above ", limit, " replaced by it");
  return finding;
}

/// Applies the options to a cohort in the order of the input, sorts it, and audits the result.
LoadedCohort finish_cohort(Cohort cohort, const std::vector<std::uint8_t>& unusable, const std::string& first_unusable,
                           const LoadOptions& options) {
  LoadedCohort out;
  if (options.clip_clinical) {
    const Finding clipped = clip_values(cohort, *options.clip_clinical);
    if (clipped.count) out.findings.push_back(clipped);
  }
  std::vector<std::uint8_t> drop(cohort.time.size(), 0);
  if (options.drop_invalid) {
    const Finding dropped = find_dropped(cohort, unusable, options, drop);
    if (dropped.count == static_cast<dim_t>(drop.size()) && !drop.empty()) {
      throw DataError(message("[cohort] ", cohort.name, ": expected at least one valid row, got none of ", drop.size(),
                              first_unusable.empty() ? "" : "; the first: ", first_unusable));
    }
    if (dropped.count) out.findings.push_back(dropped);
  }
  out.cohort = sort_by_risk(std::move(cohort));
  if (std::find(drop.begin(), drop.end(), 1) != drop.end()) {
    std::vector<dim_t> keep;
    for (dim_t i = 0; i < out.cohort.num_patients(); ++i) {
      if (!drop[static_cast<std::size_t>(out.cohort.row[static_cast<std::size_t>(i)])]) keep.push_back(i);
    }
    out.cohort = select_patients(out.cohort, keep);
  }
  const std::vector<Finding> found = audit(out.cohort, options.clinical_max);
  out.findings.insert(out.findings.end(), found.begin(), found.end());
  return out;
}

std::size_t require_column(const CsvReader& reader, const std::string& name) {
  const std::ptrdiff_t column = reader.find_column(name);
  if (column < 0)
    throw DataError(message("[cohort] ", reader.source(), ": expected a column ", io::quoted_name(name), ", got none"));
  return static_cast<std::size_t>(column);
}

/// All columns behind the index.
std::vector<std::size_t> value_columns(const CsvReader& reader) {
  if (reader.header().size() < 2) {
    throw DataError(message("[cohort] ", reader.source(),
                            ": expected a patient index and at least one more column, got ", reader.header().size(),
                            " columns"));
  }
  std::vector<std::size_t> columns(reader.header().size() - 1);
  std::iota(columns.begin(), columns.end(), std::size_t{1});
  return columns;
}

std::vector<std::string> names_of(const CsvReader& reader, const std::vector<std::size_t>& columns) {
  std::vector<std::string> names;
  for (const std::size_t column : columns) names.push_back(reader.header()[column]);
  return names;
}

void append_columns(const std::vector<std::vector<double>>& columns, std::vector<double>& out) {
  for (const auto& column : columns) out.insert(out.end(), column.begin(), column.end());
}

/// Columns of the header that `pattern` names: one name, or all that begin with what stands before a final '*'.
std::vector<std::size_t> matching_columns(const CsvReader& reader, const std::string& pattern) {
  std::vector<std::size_t> out;
  for (std::size_t c = 0; c < reader.header().size(); ++c) {
    if (names_column(pattern, reader.header()[c])) out.push_back(c);
  }
  if (out.empty()) {
    throw UsageError(
        message("[cohort] ", reader.source(), ": expected a column ", io::quoted_name(pattern), ", got none"));
  }
  return out;
}

/// Resolves roles; refuses a column with two of them.
class RoleResolver {
 public:
  explicit RoleResolver(const CsvReader& reader) : reader_(reader), taken_(reader.header().size(), false) {}

  std::vector<std::size_t> take(const std::string& pattern) {
    const std::vector<std::size_t> columns = matching_columns(reader_, pattern);
    for (const std::size_t column : columns) take(column);
    return columns;
  }

  std::size_t take_one(const std::string& name, const char* role) {
    if (name.empty() || name.ends_with('*')) {
      throw UsageError(message("[cohort] expected the name of the ", role, " column, got ", io::quoted_name(name)));
    }
    return take(name).front();
  }

  void take(std::size_t column) {
    if (taken_[column]) {
      throw UsageError(message("[cohort] ", reader_.source(), ": expected one role for each column, got two for ",
                               io::quoted_name(reader_.header()[column])));
    }
    taken_[column] = true;
  }

  std::vector<std::size_t> rest() const {
    std::vector<std::size_t> columns;
    for (std::size_t c = 0; c < taken_.size(); ++c) {
      if (!taken_[c]) columns.push_back(c);
    }
    return columns;
  }

 private:
  const CsvReader& reader_;
  std::vector<bool> taken_;
};

}  // namespace

Coding parse_coding(const std::string& text) {
  const std::size_t equals = text.rfind('='), slash = text.find('/', equals == std::string::npos ? 0 : equals);
  Coding coding;
  if (equals != std::string::npos && slash != std::string::npos)
    coding = {text.substr(0, equals), text.substr(equals + 1, slash - equals - 1), text.substr(slash + 1)};
  if (coding.column.empty() || coding.yes.empty() || coding.no.empty() || coding.yes == coding.no)
    throw UsageError(
        message("[cohort] expected a coding COLUMN=YES/NO such as status=2/1, got ", io::quoted_name(text)));
  return coding;
}

LoadedCohort load_cohort_folder(const std::filesystem::path& folder, LoadOptions options) {
  if (!options.clinical_max) options.clinical_max = 9;
  Cohort cohort;
  cohort.name = folder.string();

  Codings codings(options.codings);
  CsvReader survival_reader = CsvReader::open(folder / kSurvivalFile);
  value_columns(survival_reader);
  const Part survival = read_columns(survival_reader,
                                     {.index = 0,
                                      .numbers = {require_column(survival_reader, "time")},
                                      .flags = {require_column(survival_reader, "event")},
                                      .genes = {}},
                                     options, codings);
  const RowOfIndex rows = rows_by_index(survival);
  cohort.patient_id = survival.index;
  cohort.line = survival.line;
  cohort.time = survival.numbers[0];
  cohort.event = survival.flags[0];
  std::vector<std::uint8_t> unusable = survival.invalid;
  std::string first_unusable = survival.first_invalid;

  const auto read_part = [&](const char* file, const auto& columns_of) {
    CsvReader reader = CsvReader::open(folder / file);
    Part part = read_columns(reader, columns_of(reader), options, codings);
    align(survival, rows, part);
    for (std::size_t i = 0; i < unusable.size(); ++i) unusable[i] |= part.invalid[i];
    if (first_unusable.empty()) first_unusable = part.first_invalid;
    return part;
  };
  cohort.treatment =
      read_part(kTreatmentFile, [&](const CsvReader& reader) {
        if (value_columns(reader).size() != 1) {
          throw DataError(message("[cohort] ", reader.source(), ": expected a patient index and one treatment, got ",
                                  reader.header().size(), " columns"));
        }
        cohort.treatment_name = reader.header()[1];
        return Columns{.index = 0, .numbers = {}, .flags = {1}, .genes = {}};
      }).flags[0];
  const Part clinical = read_part(kClinicalFile, [&](const CsvReader& reader) {
    cohort.clinical_names = names_of(reader, value_columns(reader));
    return Columns{.index = 0, .numbers = value_columns(reader), .flags = {}, .genes = {}};
  });
  append_columns(clinical.numbers, cohort.clinical);
  cohort.genes = read_part(kGeneFile, [&](const CsvReader& reader) {
                   cohort.gene_names = names_of(reader, value_columns(reader));
                   return Columns{.index = 0, .numbers = {}, .flags = {}, .genes = value_columns(reader)};
                 }).genes;
  codings.require_used();
  return finish_cohort(std::move(cohort), unusable, first_unusable, options);
}

LoadedCohort load_cohort_csv(const std::filesystem::path& file, const CohortRoles& roles, const LoadOptions& options) {
  CsvReader reader = CsvReader::open(file);
  RoleResolver resolver(reader);
  Columns columns;
  if (!roles.index.empty()) {
    columns.index = static_cast<std::ptrdiff_t>(resolver.take_one(roles.index, "index"));
  } else if (reader.header()[0].empty()) {
    columns.index = 0;
    resolver.take(std::size_t{0});
  }
  columns.numbers = {resolver.take_one(roles.time, "time")};
  if (!roles.entry.empty()) columns.numbers.push_back(resolver.take_one(roles.entry, "entry"));
  columns.flags = {resolver.take_one(roles.event, "event")};
  if (!roles.treatment.empty()) columns.flags.push_back(resolver.take_one(roles.treatment, "treatment"));
  if (!roles.stratum.empty()) columns.labels.push_back(resolver.take_one(roles.stratum, "stratum"));
  if (!roles.cluster.empty()) columns.labels.push_back(resolver.take_one(roles.cluster, "cluster"));
  const std::size_t special = columns.numbers.size();
  for (const std::string& pattern : roles.clinical) {
    const auto found = resolver.take(pattern);
    columns.numbers.insert(columns.numbers.end(), found.begin(), found.end());
  }
  for (const std::string& pattern : roles.genes) {
    const auto found = resolver.take(pattern);
    columns.genes.insert(columns.genes.end(), found.begin(), found.end());
  }
  if (roles.genes.empty() && roles.need_genes) {
    columns.genes = resolver.rest();
    columns.genes_by_default = true;
  }
  if (columns.genes.empty() && roles.need_genes) {
    throw UsageError(message("[cohort] ", reader.source(), ": expected at least one gene column, got none"));
  }

  Codings codings(options.codings);
  Part part = read_columns(reader, columns, options, codings);
  codings.require_used();
  if (roles.entry.empty()) rows_by_index(part);  // start-stop data have several rows a patient
  Cohort cohort;
  cohort.name = file.string();
  cohort.patient_id = std::move(part.index);
  cohort.line = std::move(part.line);
  cohort.time = std::move(part.numbers[0]);
  if (!roles.entry.empty()) cohort.entry = std::move(part.numbers[1]);
  cohort.event = std::move(part.flags[0]);
  if (roles.treatment.empty()) {
    cohort.treatment.assign(cohort.time.size(), 0);
  } else {
    cohort.treatment = std::move(part.flags[1]);
    cohort.treatment_name = roles.treatment;
  }
  if (!roles.stratum.empty()) cohort.stratum = std::move(part.labels.front());
  if (!roles.cluster.empty()) cohort.cluster = std::move(part.labels.back());
  part.numbers.erase(part.numbers.begin(), part.numbers.begin() + std::ptrdiff_t(special));
  columns.numbers.erase(columns.numbers.begin(), columns.numbers.begin() + std::ptrdiff_t(special));
  cohort.clinical_names = names_of(reader, columns.numbers);
  append_columns(part.numbers, cohort.clinical);
  cohort.gene_names = names_of(reader, columns.genes);
  cohort.genes = std::move(part.genes);
  return finish_cohort(std::move(cohort), part.invalid, part.first_invalid, options);
}

LoadedCohort load_cohort(const std::filesystem::path& path, const CohortRoles& roles, const LoadOptions& options) {
  return std::filesystem::is_directory(path) ? load_cohort_folder(path, options)
                                             : load_cohort_csv(path, roles, options);
}

}  // namespace engram::genes
