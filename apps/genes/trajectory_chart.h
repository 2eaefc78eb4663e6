#pragma once
/// Best fitness over evaluations, of several searches.

#include <string>
#include <vector>

#include "apps/common/html.h"
#include "models/genes/search/subset_evaluator.h"

namespace engram::apps {

/// One search's line. `group` 0 to 7 chooses the colour; lines of one group share it.
struct TrajectoryLine {
  std::string name;
  std::vector<genes::TrajectoryPoint> points;
  int group = 0;
};

/// <svg> of step lines. The fitness axis begins at the lowest value that a search has after a tenth of the evaluations,
/// so that the poor first sets do not flatten the rest.
Html trajectory_chart(const std::string& title, const std::vector<TrajectoryLine>& lines);

}  // namespace engram::apps
