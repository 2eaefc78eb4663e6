#pragma once
/// Parts of the table of engram-score that need the images or say what a number is worth.

#include "apps/common/score_table.h"
#include "models/data/dataset.h"

namespace engram::apps {

/// Adds a warning, once.
void add_warning(ScoreTable& table, const std::string& text);

/// Warns of an extractor that the images were made from, and of a covariance of fewer images than features.
void warn_about(ScoreTable& table, const ExtractorScore& score);

/// Warns that sets of different sizes were compared.
void warn_of_counts(ScoreTable& table);

/// Means and deviations of the channels of both sets; where their classes agree, how far the classes' colours are
/// apart.
void add_channels(ScoreTable& table, const ImageDataset& made, const ImageDataset& real);

}  // namespace engram::apps
