#include "apps/common/score_parts.h"

#include <algorithm>

#include "models/methods/metrics/channel_statistics.h"
#include "models/methods/metrics/fid.h"

namespace engram::apps {

void add_warning(ScoreTable& table, const std::string& text) {
  auto& warnings = table.warnings;
  if (std::find(warnings.begin(), warnings.end(), text) == warnings.end()) warnings.push_back(text);
}

void warn_about(ScoreTable& table, const ExtractorScore& score) {
  if (!score.independent)
    add_warning(table, message(score.label,
                               " is the classifier that the images were made from: they fit its statistics by "
                               "construction, so its FID says little and is left out of the means"));
  if (score.quality.regularized_fid)
    add_warning(table, message("FID-", score.label, " by ", table.made, " made images for ", score.features,
                               " features: the covariance of so few is singular and FID far too large, comparable at "
                               "this number of images only; with ",
                               kFidRidge, " on the variances it is ", *score.quality.regularized_fid));
}

void warn_of_counts(ScoreTable& table) {
  if (table.made != table.real)
    add_warning(table, message("FID falls with the number of images: compare ", table.made,
                               " made ones with others of that number only"));
}

void add_channels(ScoreTable& table, const ImageDataset& made, const ImageDataset& real) {
  const ChannelStatistics of_made = channel_statistics(made), of_real = channel_statistics(real);
  const char* const names[] = {"red", "green", "blue"};
  for (std::size_t c = 0; c < of_made.mean.size(); ++c)
    table.channels.push_back({of_made.mean.size() == 3 ? names[c] : message("channel ", c), of_made.mean[c],
                              of_made.deviation[c], of_real.mean[c], of_real.deviation[c]});
  if (made.num_classes == real.num_classes)
    table.class_color_distance = class_color_distance(class_channel_statistics(made), class_channel_statistics(real));
}

}  // namespace engram::apps
