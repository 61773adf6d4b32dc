#include "kernel/shrink.h"

#include <algorithm>
#include <sstream>

namespace sallyport::testing {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

std::vector<std::string> without(std::vector<std::string> lines, size_t first, size_t count) {
  auto begin = lines.begin() + static_cast<ptrdiff_t>(std::min(first, lines.size()));
  auto end = lines.begin() + static_cast<ptrdiff_t>(std::min(first + count, lines.size()));
  lines.erase(begin, end);
  return lines;
}

// The line without `count` words from the one numbered `first` on; empty if it has not so many.
std::string without_words(const std::string& line, size_t first, size_t count) {
  std::istringstream stream(line);
  std::string out;
  size_t number = 0;
  for (std::string word; stream >> word; number++) {
    if (number >= first && number < first + count) continue;
    out += (out.empty() ? "" : " ") + word;
  }
  return number < first + count ? "" : out;
}

size_t words_of(const std::string& line) {
  std::istringstream stream(line);
  size_t count = 0;
  for (std::string word; stream >> word;) count++;
  return count;
}

}  // namespace

std::string Shrinker::shrink(const std::string& text, std::chrono::seconds limit) {
  deadline_ = std::chrono::steady_clock::now() + limit;
  lines_ = split(text);
  bool shorter = true;
  while (shorter && !over()) {
    shorter = drop_blocks();
    for (size_t run = lines_.size() / 2; run > 0; run /= 2) shorter |= drop_lines(run);
    // An option and its value, a match with its option, a single word.
    for (size_t run = 4; run > 0; run--) shorter |= drop_words(run);
  }
  return join(lines_);
}

bool Shrinker::try_edits(size_t count, const std::function<Lines(const Lines&, size_t)>& edit) {
  bool any = false;
  for (size_t next = 0; next < count && !over();) {
    std::vector<Lines> candidates;
    std::vector<size_t> numbers;
    std::vector<std::string> texts;
    for (; next < count && candidates.size() < kAtOnce; next++) {
      Lines candidate = edit(lines_, next);
      if (candidate.empty() || candidate == lines_) continue;
      std::string text = join(candidate);
      if (!check_(text)) continue;
      candidates.push_back(std::move(candidate));
      numbers.push_back(next);
      texts.push_back(std::move(text));
    }
    if (candidates.empty()) break;
    std::vector<bool> held = try_(texts);
    auto first = static_cast<size_t>(std::ranges::find(held, true) - held.begin());
    if (first == held.size()) continue;
    lines_ = candidates[first];
    any = true;
    next = numbers[first];  // whose place others have taken
  }
  return any;
}

bool Shrinker::drop_lines(size_t run) {
  // From the end: later packets hang on earlier ones, not the other way round.
  size_t places = (lines_.size() + run - 1) / run;
  return try_edits(places, [&](const Lines& lines, size_t i) {
    size_t from_end = (i + 1) * run;
    size_t first = from_end < lines.size() ? lines.size() - from_end : 0;
    return without(lines, first, run);
  });
}

// A block from its `<<WORD` to the line WORD.
bool Shrinker::drop_blocks() {
  return try_edits(lines_.size(), [](const Lines& lines, size_t i) {
    if (i >= lines.size()) return Lines{};
    size_t mark = lines[i].find("<<");
    if (mark == std::string::npos || lines[i].starts_with('#')) return Lines{};
    auto end = std::find(lines.begin() + static_cast<ptrdiff_t>(i), lines.end(),
                         lines[i].substr(mark + 2));
    return without(lines, i, static_cast<size_t>(end - lines.begin()) - i + 1);
  });
}

bool Shrinker::drop_words(size_t run) {
  std::vector<std::pair<size_t, size_t>> places;
  for (size_t line = 0; line < lines_.size(); line++) {
    size_t words = words_of(lines_[line]);
    // From the end, so that the places before one that went stay where they are.
    for (size_t i = words; words > run && i-- > 0;) places.emplace_back(line, i);
  }
  return try_edits(places.size(), [&](const Lines& lines, size_t i) {
    auto [line, first] = places[i];
    std::string shorter = without_words(lines[line], first, run);
    if (shorter.empty()) return Lines{};
    Lines out = lines;
    out[line] = shorter;
    return out;
  });
}

}  // namespace sallyport::testing
