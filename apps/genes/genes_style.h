#pragma once
/// Style rules of the reports of engram-genes, besides those of all pages.

#include "apps/common/html.h"

namespace engram::apps {

/// Colours: treated blue, untreated orange; mutated solid, not mutated dashed.
Markup genes_style();

}  // namespace engram::apps
