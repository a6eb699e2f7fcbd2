// Plays a channel in the page: fetches fragments of MP4 and hands them to the browser as they come (Media Source Extensions). When
// the stream ends, as it does when the channel changes its form, it is opened again.

const Source = window.ManagedMediaSource ?? window.MediaSource;
/** Seconds that are kept behind, that one may be behind, and behind the newest picture after a leap. */
const [KEPT, BEHIND, EDGE] = [30, 4, 1];
/** Milliseconds without a byte after which that is said, after which the stream is opened again, and how soon that is done. */
const [SILENCE, LONG_SILENCE, FIRST_WAIT, LONGEST_WAIT] = [2500, 20_000, 250, 5000];
/** A pause that nobody comes back from. */
const LONG_PAUSE = 10 * 60_000;
/** Openings in a row without a picture, after which it is given up. */
const MOST_TRIES = 8;

for (const place of document.querySelectorAll("[data-player]")) offer(place);

function offer(place) {
  const video = place.querySelector("video");
  const [start, stop, said] = ["start", "stop", "said"].map((name) => place.querySelector(`[data-${name}]`));
  /** What is running: one opening of the stream, and what belongs to it. */
  let run = null;
  let tries = 0;

  const say = (state, text = "") => {
    place.dataset.state = state;
    if (said.textContent !== text) said.textContent = text;
    const on = state !== "idle" && state !== "failed";
    const focused = document.activeElement === stop;
    start.hidden = on;
    stop.hidden = !on;
    if (focused && !on) start.focus({ preventScroll: true });
    video.hidden = !on;
  };

  const leave = () => {
    run?.abort.abort();
    clearTimeout(run?.again);
    clearInterval(run?.watch);
    run = null;
  };
  const end = (state, text) => {
    leave();
    video.removeAttribute("src");
    video.load();
    say(state, text);
  };

  const again = (mine, why) => {
    if (run !== mine) return;
    leave();
    tries += 1;
    if (tries > MOST_TRIES) return end("failed", why);
    say("waiting", "The stream was interrupted. One moment…");
    run = { abort: new AbortController(), again: setTimeout(open, Math.min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)) };
  };

  const open = async () => {
    leave();
    const mine = { abort: new AbortController(), heard: performance.now() };
    run = mine;
    if (!tries) say("opening", "Tuning…");
    try {
      const answer = await fetch(place.dataset.player, { signal: mine.abort.signal, cache: "no-store" });
      if (run !== mine) return;
      if (answer.redirected) return end("failed", "You are not logged in any more. Load the page anew.");
      if (!answer.ok) {
        const why = (await answer.text()).trim() || "The channel could not be opened.";
        // What was on air a moment ago may come back; what never was, is told.
        return tries && answer.status === 503 ? again(mine, why) : end("failed", why);
      }
      const type = answer.headers.get("Content-Type") ?? "";
      if (!Source.isTypeSupported(type)) return end("failed", cannot(type));
      place.dataset.kind = type.startsWith("audio/") ? "audio" : "video";
      await show(mine, type, answer.body.getReader());
      again(mine, "The channel does not come back.");
    } catch (error) {
      if (run === mine) again(mine, mine.wrong ?? "The connection to Rooftop was lost.");
    }
  };

  const show = async (mine, type, reader) => {
    const source = new Source();
    video.disableRemotePlayback = true;
    video.src = URL.createObjectURL(source);
    await new Promise((opened) => source.addEventListener("sourceopen", opened, { once: true }));
    URL.revokeObjectURL(video.src);
    const buffer = source.addSourceBuffer(type);
    mine.watch = setInterval(() => watch(mine, buffer), 250);
    play();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || run !== mine) return;
      mine.heard = performance.now();
      await append(mine, buffer, value);
    }
  };

  const append = async (mine, buffer, bytes) => {
    const settled = () => new Promise((done, failed) => {
      buffer.addEventListener("updateend", done, { once: true });
      buffer.addEventListener("error", failed, { once: true });
    });
    const trim = async (kept) => {
      const until = newest(buffer) - kept;
      if (!buffer.buffered.length || until <= buffer.buffered.start(0) + 1) return false;
      const removed = settled();
      buffer.remove(0, until);
      await removed;
      return true;
    };
    if (newest(buffer) - oldest(buffer) > KEPT + 10) await trim(KEPT);
    const appended = settled();
    try {
      buffer.appendBuffer(bytes);
    } catch (error) {
      // The browser's room is full: keep less.
      appended.catch(() => {});
      if (error.name !== "QuotaExceededError" || !(await trim(BEHIND + 2))) throw error;
      const once = settled();
      buffer.appendBuffer(bytes);
      return once;
    }
    try {
      await appended;
    } catch (error) {
      mine.wrong = "This browser could not decode what the channel sends.";
      throw error;
    }
  };

  /** Keeps near the newest picture, leaps over holes, and says what is going on. */
  const watch = (mine, buffer) => {
    if (run !== mine || !buffer.buffered.length) return;
    const { buffered } = buffer;
    const [now, last] = [video.currentTime, newest(buffer)];
    if (video.error) { mine.wrong = "This browser could not decode what the channel sends."; return again(mine, mine.wrong); }
    const within = [...Array(buffered.length).keys()].find((i) => buffered.start(i) <= now && now < buffered.end(i));
    if (within === undefined) {
      const next = [...Array(buffered.length).keys()].find((i) => buffered.start(i) > now);
      if (next !== undefined) video.currentTime = buffered.start(next) + 0.01;
    } else if (!video.paused && last - now > BEHIND) {
      video.currentTime = Math.max(last - EDGE, buffered.start(buffered.length - 1));
    }
    // Played a little faster until it is near again: nobody hears it.
    video.playbackRate = last - now > BEHIND * 0.6 ? 1.06 : 1;
    const silence = performance.now() - mine.heard;
    if (silence > LONG_SILENCE) return again(mine, "The channel sends nothing any more.");
    const silent = silence > SILENCE;
    const ahead = last - video.currentTime;
    if (silent && ahead < 0.3) return say("waiting", "No signal. The channel is looking for it…");
    if (video.paused) {
      mine.paused ??= performance.now();
      // A tab that is forgotten keeps a tuner from others.
      if (performance.now() - mine.paused > LONG_PAUSE) return end("idle", "Stopped after a long pause.");
      return say("paused", "Paused. Playing goes on with what is on then.");
    }
    mine.paused = undefined;
    if (video.readyState < 3) return say("waiting", "One moment…");
    tries = 0;
    say("playing", video.muted ? "Without sound: switch it on below the picture." : "");
  };

  const play = () => video.play().catch((error) => {
    // Without a click browsers play only what is silent.
    if (error.name !== "NotAllowedError" || video.muted) return;
    video.muted = true;
    video.play().catch(() => {});
  });

  start.addEventListener("click", () => {
    if (!Source) return say("failed", "This browser is too old to play here.");
    tries = 0;
    open();
    stop.focus({ preventScroll: true });
  });
  stop.addEventListener("click", () => end("idle"));
  addEventListener("pagehide", () => { if (run) end("idle"); });
  video.controls = true;
  start.hidden = false;
}

const newest = ({ buffered }) => (buffered.length ? buffered.end(buffered.length - 1) : 0);
const oldest = ({ buffered }) => (buffered.length ? buffered.start(0) : 0);

/** Why a browser does not take it, in words. */
function cannot(type) {
  const codecs = /codecs="(.*)"/.exec(type)?.[1] ?? type;
  if (/hvc1|hev1/.test(codecs)) return "The picture of this channel is HEVC, which this browser cannot decode here. Safari can on most devices, and so can VLC, Kodi or Plex.";
  return `This browser cannot decode this channel (${codecs}). VLC, Kodi or Plex can.`;
}
