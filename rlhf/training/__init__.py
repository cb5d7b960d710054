"""Training stages: files in, a checkpoint folder and metrics.jsonl out; each its own process.

    python -m rlhf.training STAGE --config FILE.json

STAGE is pretrain, sft, reward, best-of-n, dpo, kto or grpo. The config is one JSON object;
`settings` says what each stage can be told. Nothing here knows the web application.

Input files hold one JSON object per line:

- rankings: {"prompt": text or [messages], "responses": [text, ...], "ranks": [int, ...],
  "weight"?: 1.0, "split"?: "train" | "test", "rater"?: text, "categories"?: [text, ...]}; rank 1
  is best, equal ranks tie; raters tell how far they agree, categories how it does in each
- prompts: {"prompt": text or [messages], "system"?: text, "split"?: "train" | "test"}
- demonstrations: {"prompt": ..., "system"?: text, "response": text, "finished"?: true}
- texts: {"text": ..., "split"?: ...}, a document each
- thumbs: {"prompt": ..., "system"?: text, "response": text, "up": true | false, "split"?: ...}

The output folder gets

- metrics.jsonl: {"time", "phase", "step", "total", "progress", "metrics": {name: number},
  "memory"}, one line per report, on disk at once; progress runs from 0 to 1 over the whole run and
  never falls
- samples.jsonl: {"prompt", "base", "new", "reward_base"?, "reward_new"?} for some held-out prompts;
  with "step" and "total" while it is trained, always for the same prompts, without them for the
  result
- device.json, at the start: what it computes on
- summary.json, at the end: {"stage", "config", "metrics", "seconds", "tokens", "device",
  "peak_memory"}; the metrics of a policy hold
  "policy" and "base" (nll, entropy, repetition, distinct, length, finished, reward), "win_rate",
  "gate": {"passed", "reasons", "checks", "limits"}, and "kept": {"step", "of", "rule", "reason"},
  the checkpoint that became the result
- checkpoint/: renamed into place when whole. A policy: merged weights, tokenizer and generation
  settings, ready to serve. A reward model: what `reward_model.load_reward_model` loads
- error.json after a failure: {"reason", "what to do"}
- trainer.lock, which the process holds while it lives: a second one in the same folder ends at once
- state/ while it runs, and after it was killed, stopped or failed: what it needs to go on (`state`)

The same config with the same inputs in the same folder goes on from the state that is there: lines
of metrics.jsonl and samples.jsonl after it are cut; the result is that of an uninterrupted run.

Exit codes: 0 done; 1 crashed, the loss is not a number, or memory ran out; 2 the config or an input
file cannot be used (one line on stderr); 3 another process trains in the folder, which is left as
it is; 143 stopped by SIGTERM. A checkpoint of an earlier run in the same folder stays until the new
one replaces it.
"""

DEFAULT_UPDATE = "best-of-n"
"""What a policy update runs unless told otherwise: docs/decisions/0004-default-update.md."""
