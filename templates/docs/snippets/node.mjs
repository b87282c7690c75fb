const PING_URL = "{{ ping_url }}";

// Never throws, and gives up after three tries.
async function tell(ending = "", text = "") {
  let problem;
  for (const wait of [0, 2, 8]) {
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    try {
      const signal = AbortSignal.timeout(10_000);
      const answer = await fetch(PING_URL + ending, { method: "POST", body: text, signal });
      if (answer.ok) return;
      problem = answer.status;
    } catch (error) {
      problem = error.cause ?? error;
    }
  }
  console.error("ping failed:", problem);
}

await tell("/start");
try {
  await backup();
} catch (error) {
  await tell("/fail", error.stack);
  throw error;
}
await tell();
