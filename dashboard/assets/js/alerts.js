// New incidents are heard and seen in the tab's title, drills in a voice and with a word of their own; Streamlit's own dialog never takes the keyboard.

const DRILL_TONES = [392, 330, 262];

export class Alerts {
  constructor(ui) {
    this.ui = ui;
    this.title = document.title;
    this.count = 0;
    this.nDrills = 0;
    this.calm = () => { this.count = this.nDrills = 0; this.flash(); };
    for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, this.calm, true);
    addEventListener('focus', this.calm);
  }

  close() {
    clearInterval(this.timer);
    document.title = this.title;
    for (const kind of ['pointerdown', 'keydown']) removeEventListener(kind, this.calm, true);
    removeEventListener('focus', this.calm);
  }

  get isSilent() { return localStorage.getItem('siaga.silent') === '1'; }

  set isSilent(value) { localStorage.setItem('siaga.silent', value ? '1' : '0'); }

  raise(rows) {
    const real = rows.filter(row => !row.isDrill);
    this.count += real.length;
    this.nDrills += rows.length - real.length;
    this.flash();
    if (this.isSilent) return;
    // A drill falls slowly, low and soft; it is never taken for the rising alarm.
    if (!real.length) this.sound(DRILL_TONES);
    else this.sound(real.some(row => row.severity === 1 || row.isNobodys) ? [880, 1175, 880, 1175] : [880, 660]);
  }

  flash() {
    clearInterval(this.timer);
    const n = this.count || this.nDrills, text = this.ui.words.t(this.count ? 'title_new' : 'title_drill');
    if (!n) { document.title = this.title; return; }
    let isOn = false;
    const turn = () => { isOn = !isOn; document.title = isOn ? '(' + n + ') ' + text : this.title; };
    turn();
    this.timer = setInterval(turn, 900);
  }

  sound(tones) {
    try {
      const audio = (this.audio ||= new AudioContext());
      tones.forEach((frequency, i) => {
        const gain = audio.createGain(), tone = audio.createOscillator(), at = audio.currentTime + i * 0.17;
        tone.frequency.value = frequency;
        gain.gain.setValueAtTime(0.0001, at);
        gain.gain.exponentialRampToValueAtTime(0.16, at + 0.02);
        gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.15);
        tone.connect(gain).connect(audio.destination);
        tone.start(at);
        tone.stop(at + 0.16);
      });
    } catch (error) { console.debug('siaga sound', error.message); }
  }
}

// While the server is away Streamlit opens "Connection error" over the page, makes the rest inert and takes the focus.
// Our own bar already says so. The style sheet keeps that dialog hidden; here the page stays alive, before the browser
// takes the cursor out of the field, and the dialog is closed. Returns how to stop.
export function keepFocus(host) {
  const observer = new MutationObserver(() => {
    if (!document.documentElement.hasAttribute('data-siaga-away')) return;
    for (let node = host; node && node !== document.body; node = node.parentElement) if (node.inert) node.inert = false;
    for (const dialog of document.querySelectorAll('.stDialog [role="dialog"]')) dialog.querySelector('button[aria-label="Close"]')?.click();
  });
  observer.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['inert'] });
  return () => observer.disconnect();
}
