// The shortest script that still differs.
//
// Delta debugging on lines (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
// Input", 2002): take runs of lines away, long ones first, then words within the lines that are
// left, until nothing can go. What is left need not be minimal in any other sense. A script's
// parser refuses most candidates at no cost, so nothing here knows the language but the blocks'
// `<<END`; the others are tried several at a time, since trying is mostly waiting.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace sallyport::testing {

class Shrinker {
 public:
  // Which of these still differ. Called with kAtOnce candidates at most.
  using Try = std::function<std::vector<bool>(const std::vector<std::string>& candidates)>;
  // Whether a candidate is worth a try: it parses.
  using Check = std::function<bool(const std::string& candidate)>;
  static constexpr size_t kAtOnce = 8;

  Shrinker(Check check, Try differs) : check_(std::move(check)), try_(std::move(differs)) {}

  // `text` differs. Gives up after `limit`, with what it has by then.
  std::string shrink(const std::string& text, std::chrono::seconds limit);

 private:
  using Lines = std::vector<std::string>;

  bool over() const { return std::chrono::steady_clock::now() > deadline_; }
  // Tries `edits` one after the other, each on what the ones before it left; an edit is empty where
  // it does nothing. Whether one held.
  bool try_edits(size_t count, const std::function<Lines(const Lines&, size_t)>& edit);
  bool drop_lines(size_t run);
  bool drop_blocks();
  bool drop_words(size_t run);

  Check check_;
  Try try_;
  Lines lines_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace sallyport::testing
