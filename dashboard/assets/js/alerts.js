// New incidents are heard and seen in the tab's title; Streamlit's own dialog never covers the form.

export class Alerts {
  constructor(ui) {
    this.ui = ui;
    this.title = document.title;
    this.count = 0;
    this.calm = () => { this.count = 0; this.flash(); };
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
    this.count += rows.length;
    this.flash();
    if (!this.isSilent) this.sound(rows.some(row => row.severity === 1) ? [880, 1175, 880, 1175] : [880, 660]);
  }

  flash() {
    clearInterval(this.timer);
    if (!this.count) { document.title = this.title; return; }
    let isOn = false;
    const turn = () => { isOn = !isOn; document.title = isOn ? '(' + this.count + ') ' + this.ui.words.t('title_new') : this.title; };
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

// While the server is away Streamlit opens "Connection error" over the page and takes the focus. Our own bar already
// says so; the dialog goes and the cursor returns to where it was.
export function closeForeignDialogs(host, lastFocus) {
  for (const dialog of document.querySelectorAll('[role="dialog"]')) {
    if (host.contains(dialog)) continue;
    const close = dialog.querySelector('button[aria-label="Close"]');
    if (close) close.click();
    else document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', code: 'Escape', keyCode: 27, which: 27, bubbles: true }));
    if (lastFocus && lastFocus.isConnected) setTimeout(() => lastFocus.focus({ preventScroll: true }), 60);
  }
}
