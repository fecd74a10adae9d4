// The openai package for Node.
import OpenAI from "openai";

const CHAT = "sails-guide";
const EMBEDDING = "all-minilm-l6-v2";
const messages = [{ role: "user", content: "What is Thousand Sails?" }];
const client = new OpenAI({ maxRetries: 0 });

function told(text) {
  if (!String(text).includes("appliance")) throw new Error(`unexpected: ${text}`);
}

const checks = {
  async lists_models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    if (!ids.includes(CHAT)) throw new Error(ids.join());
  },
  async chats() {
    const answer = await client.chat.completions.create({ model: CHAT, messages, temperature: 0 });
    told(answer.choices[0].message.content);
    if (!answer._request_id.startsWith("req-")) throw new Error("no request id");
  },
  async streams() {
    let text = "";
    const stream = await client.chat.completions.create({ model: CHAT, messages, temperature: 0, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
    told(text);
  },
  async responds() {
    told((await client.responses.create({ model: CHAT, input: messages[0].content, temperature: 0 })).output_text);
  },
  async embeds() {
    const answer = await client.embeddings.create({ model: EMBEDDING, input: ["one"] });
    if (answer.data[0].embedding.length < 100) throw new Error("too short");
  },
  async says_what_is_wrong() {
    try {
      await client.chat.completions.create({ model: "no-such-model", messages });
    } catch (error) {
      if (error instanceof OpenAI.NotFoundError && error.code === "model_not_found") return;
      throw error;
    }
    throw new Error("an unknown model answered");
  },
};

const outcome = {};
for (const [name, run] of Object.entries(checks)) {
  try {
    await run();
    outcome[name] = "ok";
  } catch (error) {
    outcome[name] = String(error.stack ?? error).slice(0, 2000);
  }
}
console.log(JSON.stringify(outcome));
