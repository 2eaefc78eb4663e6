#pragma once
/// "Did you mean ...?"

#include <string>
#include <vector>

namespace engram {

/// Number of single-character insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`
/// (optimal string alignment). Letters that differ in case only are equal.
int edit_distance(const std::string& a, const std::string& b);

/// The candidate nearest to `word`, the first of equals; empty when none is near enough to be what was meant (more than
/// a third of the longer word's characters differ, and `word` does not begin it either).
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

/// "; did you mean 'X'?" for the nearest candidate, or an empty text.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace engram
