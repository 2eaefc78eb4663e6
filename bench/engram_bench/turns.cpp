#include "bench/engram_bench/turns.h"

#include <algorithm>

#include "bench/engram_bench/rank_tests.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

void take(Results& sum, const Results& one, int rounds) {
  if (sum.conditions.rounds == 0) {
    sum = one;
    sum.conditions.rounds = rounds;
    sum.conditions.lost_share = sum.conditions.others_share = 0;
    for (Row& row : sum.rows) row.seconds.clear();
  }
  sum.conditions.lost_share += one.conditions.lost_share / rounds;
  sum.conditions.others_share += one.conditions.others_share / rounds;
  if (one.rows.size() != sum.rows.size())
    throw DataError(message("[compare] expected ", sum.rows.size(), " rows of every process, got ", one.rows.size()));
  for (std::size_t i = 0; i < sum.rows.size(); ++i) {
    if (one.rows[i].name != sum.rows[i].name || one.rows[i].seconds.empty())
      throw DataError(message("[compare] expected samples of ", sum.rows[i].name, " of every process, got none"));
    sum.rows[i].seconds.push_back(quartiles(one.rows[i].seconds).median);
  }
}

}  // namespace

int usual_rounds(int rows, double level) {
  return pairs_needed(rows, level) + 50;
}

std::pair<Results, Results> run_in_turns(int rounds, const std::string& session, const RunOnce& run) {
  std::pair<Results, Results> both;
  for (int round = 0; round < rounds; ++round) {
    for (const bool second : {false, true}) {
      const bool is_new = second != (round % 2 == 1);
      take(is_new ? both.second : both.first, run(is_new, std::uint64_t(round) + 1), rounds);
    }
  }
  both.first.conditions.session = both.second.conditions.session = session;
  return both;
}

}  // namespace engram::bench
