// The content of a QR code on a page.

import jsqr from 'jsqr';

/** The content of a QR code, as a camera reads it. @param {import('playwright-core').Locator} image */
export async function decoded(image) {
  const { data, width, height } = await image.evaluate(async (/** @type {HTMLImageElement} */ image) => {
    await image.decode();
    const side = 400;
    const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
    const picture = canvas.getContext('2d');
    if (!picture) throw new Error('no canvas');
    picture.fillStyle = 'white';
    picture.fillRect(0, 0, side, side);
    picture.drawImage(image, 20, 20, side - 40, side - 40);
    // As a text: passing an array of numbers out of the browser takes seconds.
    const pixels = Array.from(picture.getImageData(0, 0, side, side).data, (byte) => String.fromCharCode(byte));
    return { data: btoa(pixels.join('')), width: side, height: side };
  });
  // Its types describe a script, but Node loads it as a module.
  const read = /** @type {typeof jsqr.default} */ (/** @type {unknown} */ (jsqr));
  return read(Uint8ClampedArray.from(Buffer.from(data, 'base64')), width, height)?.data;
}
