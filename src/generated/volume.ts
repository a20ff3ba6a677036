// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const VOLUME_WASM: Packed = {
  size: 1830,
  after: CORE_WASM,
  text: 'z(gp3t}o?Ephnadk<Ey2+m-Er+A0I@dp8H=42(8,i6ICfzxk{gBgale+k7-i}4wJht/Itcfw-bl?)m*3pvkpapqzqal=suF5<x{p76.(vG0x9BB,n5obcD40Bw1pfv{Evm>gz|7Fbg;5rFo50k<E(007A51{f*:+zdEl./Jq77|i)Fd=F/5a59,beEe+B;a7*.a8>Fai(}?xyDIE?,lG;x.}i?DppIE,Cr1A|/F=9xno}devb6swE/6r(a@57@eC*@+e4Db-3D2p,:vfn+C{kr.meg/scbl0(ezi-FFck;pC>Hlu9{eEg(5u@7g/c2qA0|5k+od|qd5*jBh2)w4-zg)zd8.vmA{c)|}zfp9A+x{(qt@}:,*hj8a?Gemt*jonFrB=oCFqEvBy2=3},}xF@h;7:F:oghD>(4by9Eg+n2cg?C3p2<pA@dtou}IEe2|H.CJom1(q72{48=F3ha7(G+oe/2:e5Hs7m;w(G2H(+/*dv+9r>4n/548nxBA4c{{ceprv)ae.)c:lpCqvEvru)znu@{l<E;m.G21j9;3vyFvj>9Cq2wku:t*1,8I8(|5x:50*6=mk2kH;bIaz<ni1Jrqs,69ioigwetG4Iol63|l|p0JxC6v3}+4lGqaCCg(gmu-B7F.Jk/w*qFd8)o>lmle7t{fo|@J<+G8p<ew1f-ep)nA=kxG.*++q;gte.hCsI<(e)w0}0:?<o1w):m)=I:/Igv;:h',
};
