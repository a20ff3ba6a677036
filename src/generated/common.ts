// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const COMMON_WASM: Packed = {
  size: 8074,
  after: CORE_WASM,
  text: 'zfunn0-ir0<}de(o3F5.4w6m,<fG6(2)H--q>Cc:*sE0sgJ|.@;,:f*::><;/+0->9,)+.rn}=kIn4g2-b9c=>=CFjC3al4.+*=++-{/|<C<FJF6i7)i}Aj/:o=3IB(>D-s5<Fc{G:y8?4kCnEx|}G;cC+53?,ro>gd3G=G+/AJh33ge>s17-7/>-pB}{scuc>xGbbx)/aE(82j.=9=odpa|<ECF6F?-x8r3ao:r|-IGG5E5kE0*)k66dvafa{<,8+p((((.*r;IF?v3tekolEghta7uIa+h=y}zgt(bv0uy;;}A2s41l7-.xA4zqy8gfz@raFelzn-{ChE<2DBh+/m+pazq:z1B4;|r@762DCIkbzpw;GvJkv;fgjF-60xxjjy>GaHteC>ekjwfAqfDuB:nhFzuq;.E}2H0b:0t8o5?0fv:kmpj36,iy9(;?dIxhA{HplA>J23Jh/C=cu/u4gF*npBA=sJwHG)-f{)jzpwmdw,GxgBCld}m5?G};,CF.tieEBwzv>B<e/+a)=@dHspDFu)naEjld83DopE>IHvl}3?cJ<CtjE9kovd{w-iA:/->i<*+?H{-5*}/h6ozvgdGHjvmApJjk@;rw})+/l7i/Fxf/sGBm+r8s.*vzsx+kJuoJ}3|>eCmCa@?{h}F:|3fmv1uzAl:yd,32A9B-xA<I(l>/xd0(A55uC*,o1nxmvbx(?q:-+qdH3DF=s8<x<ps8/y4g<f:zH:4tG<fGx8jFCw@*q}lexp99wD;FB21l16>tF7z1<6l>bkF03{3:20k9/)?w:p9qjG+7?;t9Jz{I<e.C)r<4@kc<o,J,+1>04}E)wa-mz<199s<.sm/su*i2d28w4Fq-Cgi.C2}swvkzg?<Isd<ry*d2D,auwbkcdgf}fc-.3FrD>=6-1:vnG4lJ{,zk-)d5CJE+>:}3<vn84j<322o9ycp<1y0g32-G<u14J+7q}=xt(?*=.?rhooIvAoH)H)dF,zyCkp)>@gD>w4@jb0{l(I)Aq=?d:mkxbEiA9@hd{mkowvs:8q{td+H?dJs}6}u(t4A-4vbj6pd5HwDf/6;F532D?k|{}1q?q:;oG}9;*{0A}|k(46(xIFoA--}?)Jw1bABb,z=fA8w*dB*H=etIH=+otqkq;Ef?(x}*5Aiyfwd?/fgdf{jdpyqaq5mh,lHr(Ds8v+{j)ue{A-{?6)y+jJGhpki:<<0w7h85lI8=qG?b>F5yt7FHm(J1.<HghA0Bibj7,.0cD-Ct;Id25ogo+vz0c9*>ll1DDrys:@5jeDgBmhidr*pekyvb:q/ck|Ej0/4{/5Gc0CxH.uw.Go@uGpu@A2olAharrmac5DIux<+e*748k,s)mo+nHA+8CJjG}+jr8)3hsweG.?f+|<i1=lzh:yjDwl({A)u00H7yu;8A+Ge?*J(>C:z9wE-G|o.3@h2C+jH,d@|{dwJr,b42zf|FsiHq;>E9E6};1dJH;aj;Gka,-iG0zHh/d6y-jo}qyw)Bhu}9>@ioF3h6rb4u>Gt8-Hru/lDm,BGi9Ar',
};
