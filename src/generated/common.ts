// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const COMMON_WASM: Packed = {
  size: 8074,
  after: CORE_WASM,
  text: '{qJ)ai87+mj;HGzC<4wc2i?8J0J}17Gnv8m|3ay/>3;HmB7r=1g-ctzjq9)+Aa}v;ax)?:ft1AHh/E9@j@s,}bjAzGtc2/Eh-9:6+v6yw:2njl4be06sp:6I|o@gr}o=sEbolkr6@4c,mxp53vsHoxq+n:5B},t.Er;nu)nI-o:ndFtnx|av5fvvDx}E=r?xc45s:0HmB)rH*g4e(E}}2H00o3?y)4:5>;<y@Eu>FuEy.,vI@hh3*ylyho)4gszm4liI{>*pfC:hCD(*8:k(yv::(Bdju2@njHstik{HBGI-xc=;?e8mH,i=}cv|cxD-8qmwwIFIH1>l2=5ztF9)8ya9</.+4k/{t3{c.1?6+7:+xins500}?I)@i6+hcFsx}A/7qk0xd,)reAq>boH=1/jE,3d(3Jfe{qpbE*f951<8p4vEq|BAqjvfw>r(;id,1n8)jtC9wG.,y>6FfxmD;e+B36uypg1){qz+;)a+/8Gl?.4x+?CG4/=lv|9i.tx|z:;:quIjqD6qtmxE1yC-q=at-FJxt)4s0}FF2reEer=xr7v9|Iv{Hi})-t}Dw:-ym@t>zHz*5+h;?tm}z+AI:()}rtl|>qD@ahywI0=D@cAhuCh1a7(xDg3vFh;z@f+k/++7prEwE)|*8>(vz6j0E9A>fk@Gr>j{FAcuG6ffB5/*gx?cyvthvB*z|uc,3*:e){86brD9wm)vB0tJjE1yxF)=IbBG1c=<Hq<{IHD</zo@f7?kijG<ps:q><08v339p:BnifswGkjDsslr(rG;HhDgl4l3nk8u)b()uy2emla;2h=(G}@o0>s+C<+?nzwy=A9{xkvE{{i/l8I67+Aj(-c|1u>n-@myn|g}Gwgo*p0zjGxbkr9yg,Bz54?<}hIrd:g)FC>k6=9a2zrz|}9;klf.twy*cysz2jk0lg}rgFF=5(3+k7ng4lJ+Jkwe8l|8Js87:z;A2o76p8shE7H7JGG9{@xcc,jmx{tfede<2m/hiAj0D44@vw+/,0wzg(Dxy>c.:Hs3qv1}u?d3tC|xn/:+wcyGeB662pH,0fHs0@ihwe@f8k</wpC.z4dH<@l*z5Dd1H+wy2i.-|65ve:nm8gsD9h1g@a(sAheup@*2,vkd?h(w*4yd9F8zkjIa8jIAHHh-m)@<k5ED16H13d)h5i8xE4q7HivqCic;p*rwq@7d?As*Hp0d,p-n8aJbhk,c+CsDE,qr)u+?pq,),/e>y;in=m@3{bq*@-=glyjjs*2Fc6rsgJ--B.B7ky@>nw5qsyi3q4ab7G3<.G;;fi?56jd25faH=c+Fhac,iwFo2q5{u2Hgzagbp}CF:8g+FF@@xu1w>j/Bc5a<?42s,Jimc:2gD@{u-)xFz)2:|o2J,elfJe<8ogyHGp<iDxC>2+C;c71?EjdwG;z3}eJmiBocwj9?):/5?44oB2/*qzA5|,=wv/Bqa4jgA){{gagD*nhdHw-aD3e}4BF/=v@*91554mru4d55:',
};
