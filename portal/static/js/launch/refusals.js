// Why a launch was refused, for whoever wanted it. Pure. The supervisor's own words are for administrators.

const WORDS = {
  quota_exceeded: [
    "You have as many sessions as you may have.",
    "End one that you do not need, then launch this one.",
  ],
  draining: ["No new sessions are started here at the moment.", "Those that run go on. Try again later."],
  not_ready: ["The supervisor is starting.", "Try again in a moment."],
  engine_unreachable: [
    "This machine cannot start anything at the moment.",
    "It is tried again by itself; so can you, in a while.",
  ],
  supervisor_unreachable: [
    "The supervisor cannot be reached.",
    "Those that run go on. Try again in a moment.",
  ],
  unreachable: [
    "The portal cannot be reached.",
    "Is the network there? Nothing was started twice if you try again.",
  ],
  template_not_found: ["This is not offered any more.", "Load the page again to see what is."],
};

/**
 * @param {{code: string, detail: string, passes: boolean}} problem
 * @returns {{title: string, text: string}}
 */
export function refusalWords(problem) {
  const [title, text] = WORDS[problem.code] ?? [
    problem.passes ? "Not at the moment." : "It cannot be launched like this.",
    problem.detail,
  ];
  return { title, text };
}
