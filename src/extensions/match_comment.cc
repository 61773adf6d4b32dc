// -m comment: a remark. Always true.
#include "extensions/registry.h"

namespace sallyport {
namespace {

struct CommentMatch {
  static constexpr Traits kTraits{
      .name = "comment", .summary = "a remark, which is always true", .depends = 0};

  Arg<String<0, 255>> comment;

  static constexpr auto options() {
    return std::tuple{
        option("--comment", &CommentMatch::comment).mandatory().help("text", "the remark")};
  }

  void list(const Scope&, std::string& out) const { out += " /* " + comment.value.value + " */"; }

  MatchResult eval(Context&) const { return MatchResult::kYes; }
  void compile(Emitter&) const {}
};

}  // namespace

constinit const MatchType kCommentMatch = match_type<CommentMatch>();

}  // namespace sallyport
