#pragma once
/// Pieces that the sections of the reports on gene selection are made of.

#include <string>
#include <utility>
#include <vector>

#include "apps/common/html.h"
#include "apps/genes/bar_chart.h"
#include "models/genes/pipeline.h"

namespace engram::apps {

/// The gene's name.
const std::string& name_of(const genes::Cohort& cohort, dim_t gene);

/// A number with so many digits behind the point.
std::string fixed(double value, int digits);

/// A framed part of the page.
Html card(const std::string& title, const Html& body);

/// A table of two columns.
Html key_values(const std::vector<std::pair<std::string, std::string>>& rows);

/// Bars in per cent of the genes with the largest shares (one a gene of the cohort, 0 to 1), listed genes emphasised.
std::vector<BarRow> share_rows(const genes::Cohort& cohort, const genes::Selection& selection,
                               const std::vector<double>& share);

}  // namespace engram::apps
