/// Cohorts: packed genes, risk order, reading of folders and wide files, what is refused, and what is reported.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/genes/cohort_io.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/temp_folder.h"

namespace engram::genes {
namespace {

using test::TempFolder;
using Names = std::vector<std::string>;

std::string hackathon() {
  return testing::golden_path("survival/hackathon");
}

/// Six patients, two clinical variables, three genes; as files.
struct SmallFolder {
  SmallFolder() { reset(); }
  void reset() {
    write(kSurvivalFile, ",time,event\na,5,1\nb,2,0\nc,2,1\nd,7,0\ne,1,1\nf,3,1\n");
    write(kTreatmentFile, ",Treatment\na,1\nb,0\nc,1\nd,0\ne,1\nf,0\n");
    write(kClinicalFile, ",V1,V2\na,1,2\nb,3,4\nc,5,6\nd,7,8\ne,9,1\nf,2,3\n");
    write(kGeneFile, ",G1,G2,G3\na,1,0,0\nb,0,1,0\nc,1,1,0\nd,0,0,0\ne,0,1,1\nf,1,0,1\n");
  }
  void write(const char* file, std::string_view text) { io::write_file(folder / file, text); }
  LoadedCohort load(const LoadOptions& options = {}) const { return load_cohort_folder(folder.path(), options); }
  TempFolder folder;
};

const Finding* find(const std::vector<Finding>& findings, Anomaly kind) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.kind == kind; });
  return found == findings.end() ? nullptr : &*found;
}

TEST(GeneColumns, PacksCountsAndListsCarriers) {
  // Column j holds the patients that j + 2 divides; 130 patients leave a part of the last word unused.
  const dim_t patients = 130, genes = 9, words = GeneColumns::words_per_gene(patients);
  std::vector<std::uint64_t> bits(static_cast<std::size_t>(genes * words));
  for (dim_t j = 0; j < genes; ++j) {
    bits[static_cast<std::size_t>(j * words + 2)] = ~std::uint64_t{3};  // beyond the last patient
    for (dim_t i = 0; i < patients; i += j + 2)
      bits[static_cast<std::size_t>(j * words + i / 64)] |= std::uint64_t{1} << (i % 64);
  }
  const GeneColumns columns(patients, genes, bits);
  for (dim_t j = 0; j < genes; ++j) {
    const dim_t expected = (patients + j + 1) / (j + 2);
    EXPECT_EQ(columns.count(j), expected);
    std::vector<double> column(static_cast<std::size_t>(patients), -1);
    columns.to_doubles(j, column.data());
    for (dim_t i = 0; i < patients; ++i) {
      ASSERT_EQ(columns.at(i, j), i % (j + 2) == 0);
      ASSERT_EQ(column[static_cast<std::size_t>(i)], i % (j + 2) == 0 ? 1 : 0);
    }
    EXPECT_EQ(columns.has_list(j), expected <= 26);
    if (columns.has_list(j)) {
      ASSERT_EQ(columns.carriers(j).size(), static_cast<std::size_t>(expected));
      for (std::size_t k = 0; k < columns.carriers(j).size(); ++k) {
        EXPECT_EQ(columns.carriers(j)[k], static_cast<std::uint32_t>(static_cast<dim_t>(k) * (j + 2)));
      }
    }
  }
  const std::vector<dim_t> keep = {129, 4, 4, 0, 65};
  const GeneColumns chosen = columns.select_patients(keep);
  for (dim_t j = 0; j < genes; ++j) {
    for (std::size_t i = 0; i < keep.size(); ++i)
      EXPECT_EQ(chosen.at(static_cast<dim_t>(i), j), columns.at(keep[i], j));
  }
  EXPECT_ERROR(columns.select_patients(std::vector<dim_t>{130}), UsageError, "expected patients 0 to 129, got 130");
  EXPECT_ERROR(GeneColumns(130, 2, std::vector<std::uint64_t>(5)), UsageError, "expected 2 columns of 3 words");
}

TEST(Cohort, StandsInRiskOrder) {
  const LoadedCohort loaded = SmallFolder().load();
  const Cohort& c = loaded.cohort;
  EXPECT_EQ(c.patient_id, (Names{"d", "a", "f", "c", "b", "e"}));  // at time 2 the death comes first
  EXPECT_EQ(c.row, (std::vector<dim_t>{3, 0, 5, 2, 1, 4}));
  EXPECT_EQ(c.time, (std::vector<double>{7, 5, 3, 2, 2, 1}));
  EXPECT_EQ(c.event, (std::vector<std::uint8_t>{0, 1, 1, 1, 0, 1}));
  EXPECT_EQ(c.treatment, (std::vector<std::uint8_t>{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(c.clinical_names, (Names{"V1", "V2"}));
  EXPECT_EQ(c.clinical_column(1)[0], 8);
  EXPECT_EQ(c.gene_names, (Names{"G1", "G2", "G3"}));
  EXPECT_TRUE(c.genes.at(1, 0));
  EXPECT_TRUE(c.genes.at(5, 2));
  EXPECT_FALSE(c.genes.at(0, 0));
  EXPECT_EQ(find_gene(c, "G3"), 2);
  EXPECT_ERROR(find_gene(c, "G4"), UsageError, "one of the 3 genes");
  EXPECT_EQ(count_events(c), 4);
  EXPECT_EQ(count_treated(c), 3);
  EXPECT_EQ(patients_in_arm(c, 1), (std::vector<dim_t>{1, 3, 5}));
  EXPECT_TRUE(loaded.findings.empty());

  const Cohort arm = select_patients(c, std::vector<dim_t>{5, 1, 1});
  EXPECT_EQ(arm.patient_id, (Names{"a", "a", "e"}));
  EXPECT_EQ(arm.clinical_column(0)[2], 9);
  EXPECT_TRUE(arm.genes.at(2, 1));
  EXPECT_ERROR(select_patients(c, std::vector<dim_t>{6}), UsageError, "positions 0 to 5, got 6");
  EXPECT_ERROR(select_patients(c, {}), UsageError, "at least one patient");
}

TEST(Cohort, FilesAreJoinedByIndex) {
  SmallFolder files;
  files.write(kTreatmentFile, "\"\",\"Treatment\"\r\nf,0\r\ne,1\r\nd,0\r\nc,1\r\nb,0\r\na,1\r\n");
  files.write(kGeneFile, ",G1,G2,G3\nb,0,1,0\na,1,0,0\nc,1,1,0\nd,0,0,0\nf,1,0,1\ne,0,1,1");
  const Cohort c = files.load().cohort, expected = SmallFolder().load().cohort;
  EXPECT_EQ(c.treatment, expected.treatment);
  for (dim_t i = 0; i < 6; ++i) {
    for (dim_t j = 0; j < 3; ++j) EXPECT_EQ(c.genes.at(i, j), expected.genes.at(i, j));
  }
  files.write(kTreatmentFile, ",Treatment\na,1\nb,0\nc,1\nd,0\ne,1\ng,0\n");
  EXPECT_ERROR(files.load(), DataError, "Treatment.csv: row 5 (line 7): expected a patient index of ");
  files.write(kTreatmentFile, ",Treatment\na,1\nb,0\nc,1\nd,0\ne,1\n");
  EXPECT_ERROR(files.load(), DataError, "expected the 6 patient indices of ");
  files.write(kTreatmentFile, ",Treatment\na,1\nb,0\nc,1\nd,0\ne,1\na,1\n");
  EXPECT_ERROR(files.load(), DataError,
               "Treatment.csv: row 5 (line 7): expected a patient index of its own, got \"a\" again");
}

TEST(Cohort, WrongFilesAreNamedWithRowAndColumn) {
  SmallFolder files;
  files.write(kGeneFile, ",G1,G2,G3\na,1,0,0\nb,0,2,0\n");
  EXPECT_ERROR(files.load(), DataError,
               "Genetic_alterations.csv: row 1 (line 3), column \"G2\": expected 0 or 1, got \"2\"");
  files.write(kGeneFile, ",G1,G2,G3\na,1,0,0\nb,0,,0\n");
  EXPECT_ERROR(files.load(), DataError, "column \"G2\": expected 0 or 1, got a missing value");
  files.reset();
  files.write(kClinicalFile, ",V1,V2\na,1,2\nb,3,high\n");
  EXPECT_ERROR(files.load(), DataError,
               "Clinical_Variables.csv: row 1 (line 3), column \"V2\": expected a number, got \"high\"");
  files.reset();
  files.write(kSurvivalFile, ",time,status\na,1,1\n");
  EXPECT_ERROR(files.load(), DataError, "Survival_time_event.csv: expected a column \"event\", got none");
  files.reset();
  files.write(kTreatmentFile, ",A,B\na,1,1\n");
  EXPECT_ERROR(files.load(), DataError, "expected a patient index and one treatment, got 3 columns");
  files.write(kTreatmentFile, "Treatment\n1\n");
  EXPECT_ERROR(files.load(), DataError, "expected a patient index and at least one more column");
  std::filesystem::remove(files.folder / kTreatmentFile);
  EXPECT_ERROR(files.load(), IoError, "Treatment.csv");
  files.reset();
  files.write(kSurvivalFile, ",time,event\n");
  EXPECT_ERROR(files.load(), DataError, "row 0 (line 2): expected a patient index of ");
}

TEST(Cohort, MoreGenesThanMemoryAllowsAreRefused) {
  LoadOptions options;
  options.memory_limit = 100;
  EXPECT_ERROR(SmallFolder().load(options), OutOfMemory, "expected data that fit into 100 bytes, got 3 genes");
}

TEST(Cohort, InvalidRowsAreDroppedOnlyOnRequest) {
  SmallFolder files;
  files.write(kSurvivalFile, ",time,event\na,5,1\nb,-2,0\nc,2,1\nd,7,0\ne,1,1\nf,,1\n");
  files.write(kClinicalFile, ",V1,V2\na,1,2\nb,3,4\nc,5,6\nd,7,12\ne,9,1\nf,2,3\n");
  EXPECT_ERROR(files.load(), DataError, "row 5 (line 7), column \"time\": expected a number, got a missing value");
  LoadOptions options;
  options.drop_invalid = true;
  LoadedCohort loaded = files.load(options);
  EXPECT_EQ(loaded.cohort.patient_id, (Names{"a", "c", "e"}));
  EXPECT_EQ(loaded.cohort.row, (std::vector<dim_t>{0, 2, 4}));
  EXPECT_TRUE(loaded.cohort.genes.at(1, 1));
  const Finding* dropped = find(loaded.findings, Anomaly::kDroppedRow);
  ASSERT_NE(dropped, nullptr);
  EXPECT_EQ(dropped->count, 3);
  EXPECT_EQ(dropped->where, (Names{"row 1 (line 3)", "row 3 (line 5)", "row 5 (line 7)"}));
  EXPECT_NE(dropped->text.find("1 with a missing or wrong cell, 1 with a time that is not positive, 1 with a clinical"),
            std::string::npos)
      << dropped->text;

  options.clip_clinical = 9;
  loaded = files.load(options);
  EXPECT_EQ(loaded.cohort.patient_id, (Names{"d", "a", "c", "e"}));
  EXPECT_EQ(loaded.cohort.clinical_column(1)[0], 9);
  EXPECT_EQ(find(loaded.findings, Anomaly::kClipped)->count, 1);

  files.write(kTreatmentFile, ",Treatment\na,x\nb,x\nc,x\nd,x\ne,x\nf,x\n");
  EXPECT_ERROR(files.load(options), DataError, "expected at least one valid row, got none of 6; the first: ");
}

TEST(Cohort, AuditReportsEveryAnomaly) {
  SmallFolder files;
  files.write(kSurvivalFile, ",time,event\na,5,0\nb,-2,0\nc,2,0\nd,7,0\ne,1,0\nf,3,0\n");
  files.write(kTreatmentFile, ",Treatment\na,1\nb,1\nc,1\nd,1\ne,1\nf,1\n");
  files.write(kClinicalFile, ",V1,V2,V3,V4\na,4,2,2,1\nb,4,12,12,1\nc,4,6,6,1\nd,4,8,8,0\ne,4,1,1,1\nf,4,3,3,1\n");
  files.write(kGeneFile, ",G1,G2,G3,G4\na,1,0,1,0\nb,0,0,0,1\nc,1,0,1,1\nd,0,0,0,0\ne,0,0,0,1\nf,1,0,1,1\n");
  const LoadedCohort loaded = files.load();
  EXPECT_EQ(loaded.cohort.num_patients(), 6);  // nothing is dropped or changed
  const auto count = [&](Anomaly kind) {
    const Finding* f = find(loaded.findings, kind);
    return f ? f->count : 0;
  };
  EXPECT_EQ(count(Anomaly::kClinicalAboveLimit), 1);
  EXPECT_EQ(find(loaded.findings, Anomaly::kClinicalAboveLimit)->where, (Names{"row 1 (line 3), V2 = 12, V3 = 12"}));
  EXPECT_EQ(find(loaded.findings, Anomaly::kNonPositiveTime)->where, (Names{"row 1 (line 3), time -2"}));
  EXPECT_EQ(find(loaded.findings, Anomaly::kConstantClinical)->where, (Names{"V1"}));
  EXPECT_EQ(find(loaded.findings, Anomaly::kDuplicateClinical)->where, (Names{"V3 = V2"}));
  EXPECT_EQ(find(loaded.findings, Anomaly::kConstantGene)->where, (Names{"G2 (nobody)"}));
  EXPECT_EQ(find(loaded.findings, Anomaly::kDuplicateGene)->where, (Names{"G3 = G1"}));
  EXPECT_EQ(find(loaded.findings, Anomaly::kOneArm)->text,
            "everybody was treated: no effect of the treatment can be estimated");
  EXPECT_EQ(find(loaded.findings, Anomaly::kNoEvents)->text, "nobody died: no survival model can be fitted");
  for (const Finding& f : loaded.findings) EXPECT_FALSE(f.text.empty()) << anomaly_name(f.kind);
}

TEST(Cohort, AuditFindsGenesOfOneArm) {
  SmallFolder files;
  files.write(kGeneFile, ",G1,G2,G3\na,1,0,1\nb,0,1,0\nc,1,0,1\nd,0,1,0\ne,0,0,1\nf,1,0,1\n");
  const Finding* finding = nullptr;
  const LoadedCohort loaded = files.load();
  finding = find(loaded.findings, Anomaly::kOneArmGene);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->where, (Names{"G2 (0 of 3 treated, 2 of 3 others)", "G3 (3 of 3 treated, 1 of 3 others)"}));
}

TEST(Cohort, CompetitionDataAreReadWithTheirAnomalies) {
  const LoadedCohort loaded = load_cohort_folder(hackathon());
  const Cohort& c = loaded.cohort;
  EXPECT_EQ(c.num_patients(), 1000);
  EXPECT_EQ(c.num_genes(), 300);
  EXPECT_EQ(c.num_clinical(), 10);
  EXPECT_EQ(count_treated(c), 488);
  EXPECT_EQ(count_events(c), 891);
  EXPECT_EQ(positive_times(c).size(), 999u);
  ASSERT_EQ(loaded.findings.size(), 2u);
  EXPECT_EQ(loaded.findings[0].kind, Anomaly::kClinicalAboveLimit);
  EXPECT_EQ(loaded.findings[0].count, 33);
  EXPECT_EQ(loaded.findings[1].kind, Anomaly::kNonPositiveTime);
  EXPECT_EQ(loaded.findings[1].where[0].substr(0, 25), "row 905 (line 907), time ");
  EXPECT_TRUE(loaded.findings[0].text.starts_with("33 rows with a clinical value above 9: "));
  EXPECT_TRUE(loaded.findings[1].text.starts_with("1 row with a time that is not positive"));
}

TEST(Cohort, AWideFileIsReadByRoles) {
  const TempFolder folder;
  io::write_file(
      folder / "w.csv",
      "id,followup,died,arm,age,V1,G1,G2,note\n7,5.5,1,0,61,1,0,1,0\n9,2,0,1,40,2,1,1,1\n8,3,1,1,55,0,0,0,0\n");
  CohortRoles roles;
  roles.index = "id";
  roles.time = "followup";
  roles.event = "died";
  roles.treatment = "arm";
  roles.clinical = {"V*", "age"};
  roles.genes = {"G*"};
  const Cohort c = load_cohort(folder / "w.csv", roles).cohort;
  EXPECT_EQ(c.patient_id, (Names{"7", "8", "9"}));
  EXPECT_EQ(c.clinical_names, (Names{"V1", "age"}));
  EXPECT_EQ(c.clinical_column(1)[0], 61);
  EXPECT_EQ(c.gene_names, (Names{"G1", "G2"}));
  EXPECT_TRUE(c.genes.at(2, 0));
  roles.genes = {};
  EXPECT_EQ(load_cohort_csv(folder / "w.csv", roles).cohort.gene_names, (Names{"G1", "G2", "note"}));
  roles.clinical = {"V*", "V1"};
  EXPECT_ERROR(load_cohort_csv(folder / "w.csv", roles), UsageError,
               "expected one role for each column, got two for \"V1\"");
  roles.clinical = {"W*"};
  EXPECT_ERROR(load_cohort_csv(folder / "w.csv", roles), UsageError, "expected a column \"W*\", got none");
  roles.clinical = {};
  roles.event = "note*";
  EXPECT_ERROR(load_cohort_csv(folder / "w.csv", roles), UsageError, "expected the name of the event column");
  roles.event = "status";
  EXPECT_ERROR(load_cohort_csv(folder / "w.csv", roles), UsageError, "expected a column \"status\"");
}

TEST(Cohort, SavedFoldersReadBackTheSame) {
  const Cohort before = load_cohort_folder(hackathon()).cohort;
  const TempFolder folder;
  save_cohort_folder(before, folder / "copy");
  const Cohort after = load_cohort_folder(folder / "copy").cohort;
  EXPECT_EQ(after.patient_id, before.patient_id);
  EXPECT_EQ(after.row, before.row);
  EXPECT_EQ(after.time, before.time);
  EXPECT_EQ(after.event, before.event);
  EXPECT_EQ(after.treatment, before.treatment);
  EXPECT_EQ(after.clinical, before.clinical);
  EXPECT_EQ(after.gene_names, before.gene_names);
  for (dim_t j = 0; j < before.num_genes(); ++j) {
    ASSERT_TRUE(std::ranges::equal(after.genes.bits(j), before.genes.bits(j)));
  }
}

TEST(Cohort, PartsThatDoNotFitTogetherAreRefused) {
  Cohort c;
  c.name = "made";
  EXPECT_ERROR(sort_by_risk(c), DataError, "[made] expected at least one patient");
  c.time = {1, 2};
  c.event = {1, 0};
  c.treatment = {1};
  EXPECT_ERROR(sort_by_risk(c), DataError, "expected 2 patients in every part, got 1 in treatment");
  c.treatment = {1, 3};
  EXPECT_ERROR(sort_by_risk(c), DataError, "row 1: expected treatment 0 or 1, got 3");
  c.treatment = {1, 0};
  c.time[1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_ERROR(sort_by_risk(c), DataError, "row 1: expected a finite time, got nan");
  c.time[1] = 2;
  c.clinical_names = {"V", "V"};
  c.clinical = {1, 2, 3, 4};
  EXPECT_ERROR(sort_by_risk(c), DataError, "expected different clinical variables, got \"V\" twice");
  c.clinical_names = {"V"};
  EXPECT_ERROR(sort_by_risk(c), DataError, "expected 2 clinical values, got 4");
  c.clinical = {1, 2};
  c.genes = GeneColumns(3, 1, {0});
  c.gene_names = {"G"};
  EXPECT_ERROR(sort_by_risk(c), DataError, "got 3 in genes");
  c.genes = GeneColumns(2, 1, {1});
  c.gene_names = {};
  EXPECT_ERROR(sort_by_risk(c), DataError, "expected 1 names of genes, got 0");
  c.gene_names = {"G"};
  EXPECT_EQ(sort_by_risk(c).patient_id, (Names{"1", "0"}));
}

}  // namespace
}  // namespace engram::genes
